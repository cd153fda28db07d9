"""Light clients of a POP, many to a process: the native form (SOCKS5) and the resumable stream, blocking."""

from __future__ import annotations

import socket
import ssl

from bench.relay.load import client_context
from gateway.protocol import hello
from gateway.protocol.budget import Budget
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Data

SECONDS = 30.0


class Refused(Exception):
    """The POP said no."""


def secure(port: int, alpn: str = "", *, source: str = "127.0.0.1") -> ssl.SSLSocket:
    """Return a TLS connection to a port of loopback."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=SECONDS, source_address=(source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return (RSP if alpn else NATIVE).wrap_socket(sock)


def socks5(port: int, ticket: str) -> ssl.SSLSocket:
    """Open a session as native clients do."""
    sock = secure(port)
    name = ticket.encode()
    sock.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x00\x50")
    answer = _exactly(sock, 4)
    if answer != b"\x05\x00\x05\x00":
        sock.close()
        raise Refused(answer.hex())
    _exactly(sock, 8)
    return sock


class Resumable:
    """A session with the resumable stream over one wire."""

    def __init__(self, port: int, ticket: str) -> None:
        self.sock = secure(port, hello.ALPN)
        self.sock.sendall(hello.encode_hello(hello.ClientHello(1, ticket=ticket)))
        data = b""
        while (parsed := hello.parse_answer(data)) is None:
            data += self._more()
        accepted, size = parsed
        self._endpoint = Endpoint(accepted.session, is_initiator=True, budget=Budget())
        self._endpoint.connected(1)
        self._endpoint.receive(data[size:])
        self.sendall(b"")
        while not self._endpoint.is_open:
            self._endpoint.receive(self._more())

    def sendall(self, data: bytes) -> None:
        """Send bytes of the session, and what the stream has to say."""
        self._endpoint.send(data)
        while out := self._endpoint.take():
            self.sock.sendall(out)

    def recv(self) -> bytes:
        """Return the next bytes of the session."""
        while True:
            found = [e.payload for e in self._endpoint.receive(self._more()) if isinstance(e, Data)]
            if found:
                data = b"".join(found)
                self._endpoint.consumed(len(data))
                self.sendall(b"")
                return data

    def close(self) -> None:
        """Cut it."""
        self.sock.close()

    def _more(self) -> bytes:
        data = self.sock.recv(65_536)
        if not data:
            raise Refused("the POP closed")
        return data


def _exactly(sock: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise Refused(f"closed after {data.hex()}")
        data += more
    return data


def _context(alpn: str) -> ssl.SSLContext:
    context = client_context()
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


NATIVE, RSP = _context(""), _context(hello.ALPN)
