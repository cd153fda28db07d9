"""Clients of odd addresses at broker and POP, sound and broken: nothing that is kept or logged names them."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from tests.e2e import traces
from tests.e2e.gateway.stack import Stack, gateway
from tests.e2e.test_privacy import CLIENTS, DEBUGGING, PEERS

pytestmark = pytest.mark.long


def connected(port: int, peer: str, *, tls: bool) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port), 10, (peer, 0))
    if not tls:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname="localhost")


def knock(port: int, peer: str, data: bytes, *, tls: bool = True) -> bytes:
    """Send bytes, return what comes back until the other end closes or says nothing for a while."""
    answer = b""
    with contextlib.suppress(OSError), connected(port, peer, tls=tls) as stream:
        stream.settimeout(0.3)
        stream.sendall(data)
        while more := stream.recv(65_536):
            answer += more
    return answer


def session(stack: Stack, peer: str) -> None:
    """Open a session with a ticket, hear the echo, and break it off."""
    ticket = stack.ticket("echo").encode()
    with connected(stack.ports["pop-a"], peer, tls=True) as stream:
        stream.settimeout(10)
        stream.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(ticket)]) + ticket + b"\x05\xd6")
        heard = b""
        while len(heard) < 12:
            heard += stream.recv(12 - len(heard))
        assert heard[3] == 0, heard
        stream.sendall(b"hello")
        assert stream.recv(5) == b"hello"


def http(path: str, client: str, body: str = "") -> bytes:
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {client}\r\nX-Forwarded-For: {client}\r\n"
    more = f"Authorization: Basic YW5uOng=\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + more + body).encode()


def visit(port: int, peer: str, client: str) -> None:
    """Ask for pages and log in wrongly, in HTTP that names the client; then send what is no HTTP."""
    assert b" 200 " in knock(port, peer, http("/healthz", client))
    for path in ("/", "/resources", f"/{client}", "/login"):
        knock(port, peer, http(path, client))
    knock(port, peer, http("/login", client, f"user={client}&password={client}"))
    knock(port, peer, http("/launch", client, f'{{"resource": "{client}"}}'))
    for data in (client.encode() * 9, f"GET /{client} HTTP/9.9\r\n\r\n".encode(), b"\x05\x01"):
        knock(port, peer, data)
        knock(port, peer, data, tls=False)


def test_no_full_address_is_kept_or_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the state of broker, POP and connector, and in what they print, at log level DEBUG."""
    monkeypatch.setenv("PYTHONPATH", str(DEBUGGING), prepend=":")
    with gateway(tmp_path) as stack:
        for peer in PEERS:
            session(stack, peer)
        for port in (stack.ports["pop-a"], stack.ports["api"]):
            for peer, client in zip(PEERS * 2, (*CLIENTS, PEERS[1]), strict=True):
                visit(port, peer, client)
        logs = [process.log for process in stack.running.values()]
    assert any(" DEBUG " in log.read_text() for log in logs)
    files = traces.files_of(tmp_path)
    assert {"broker.log", "pop-a.log", "connector.log"} <= {path.name for path in files}
    assert traces.found(files, CLIENTS) + traces.found(files, PEERS) == []
