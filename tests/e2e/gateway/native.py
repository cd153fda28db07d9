"""Many sessions at once without a process each: SOCKS5 over TLS as native clients speak it."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e.gateway.stack import Stack


@dataclass
class Session:
    """One session that stands; `seconds` is what its launch took."""

    sock: ssl.SSLSocket
    seconds: float

    def echo(self, data: bytes) -> bytes:
        """Send bytes to an echoing VDA and return what comes back."""
        self.sock.sendall(data)
        got = b""
        while len(got) < len(data):
            more = self.sock.recv(65536)
            assert more, "the session ended"
            got += more
        return got


class Desk:
    """A portal of a gateway, and clients of its sessions; all end with the block."""

    def __init__(self, stack: Stack, stay: contextlib.ExitStack) -> None:
        self._stack, self._stay = stack, stay
        self._key = stack.desk("portal", "create", f"native-{time.monotonic_ns()}").splitlines()[0]
        self._context = ssl.create_default_context(cafile=stack.ca)

    def ticket(self, resource: str) -> str:
        """Return a fresh ticket."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self._stack.ports['api']}/sta/ticket",
            json.dumps({"resource": resource, "user": "ann", "refreshable": False}).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10, context=self._context) as answer:
            return str(json.load(answer)["ticket"])

    def reply(self, resource: str, pop: str = "pop-a") -> tuple[int, ssl.SSLSocket]:
        """Present a fresh ticket to a POP; return the SOCKS5 reply and the connection."""
        ticket = self.ticket(resource).encode()
        plain = socket.create_connection(("127.0.0.1", self._stack.ports[pop]), timeout=15)
        secure = self._stay.enter_context(self._context.wrap_socket(plain, server_hostname="localhost"))
        secure.sendall(b"\x05\x01\x00")
        assert secure.recv(2) == b"\x05\x00"
        secure.sendall(b"\x05\x01\x00\x03" + bytes([len(ticket)]) + ticket + b"\x0a\x26")
        answer = b""
        while len(answer) < 10:
            more = secure.recv(10 - len(answer))
            assert more, "no answer"
            answer += more
        return answer[1], secure

    def open(self, resource: str, pop: str = "pop-a") -> Session:
        """Open a session; it must succeed."""
        started = time.monotonic()
        code, sock = self.reply(resource, pop)
        assert code == 0, f"SOCKS5 reply {code}\n{self._stack.logs()}"
        return Session(sock, time.monotonic() - started)


@contextlib.contextmanager
def desk(stack: Stack) -> Iterator[Desk]:
    """Return a portal and its clients' sessions."""
    with contextlib.ExitStack() as stay:
        yield Desk(stack, stay)


def records(stack: Stack, pop: str = "pop-a") -> list[dict[str, Any]]:
    """Return the newest session records of a POP, oldest first."""
    address = (stack.folder / pop / "admin").read_text().strip()
    with urllib.request.urlopen(f"http://{address}/sessions", timeout=5) as answer:
        return list(json.load(answer))
