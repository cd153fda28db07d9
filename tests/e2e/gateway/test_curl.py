"""An ordinary HTTP client through the gateway: the ticket is its SOCKS5 domain, stunnel its TLS."""

from __future__ import annotations

import hashlib
import http.server
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway.clients import stunnel
from tests.e2e.gateway.stack import Stack
from tests.programs import need

BODY = random.Random(3).randbytes(20_000_000)


class Desk(http.server.BaseHTTPRequestHandler):
    """Serves one big object, and takes uploads."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        answer = hashlib.sha256(data).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[str]:
    """Serve HTTP behind the connector; return the resource's name."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.add_resource("intranet", server.server_address[1])
        yield "intranet"
        server.shutdown()


def curl(port: int, ticket: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Open the ticket as Workspace clients do (SOCKS5 domain), with curl."""
    return subprocess.run(
        [
            *(need("curl", "curl"), "--silent", "--show-error", "--max-time", "20"),
            *("--socks5-hostname", f"127.0.0.1:{port}"),
            *("--connect-to", f"desk.example:80:{ticket}:2598"),
            *words,
            "http://desk.example/",
        ],
        capture_output=True,
        check=False,
    )


def test_curl_through_stunnel(stack: Stack, desk: str, tmp_path: Path) -> None:
    """Download and upload arrive whole; each opens with a ticket of its own, through either POP."""
    with stunnel(stack, "pop-a", tmp_path) as port:
        got = curl(port, stack.ticket(desk))
        assert got.returncode == 0, got.stderr + stack.logs().encode()
        assert hashlib.sha256(got.stdout).digest() == hashlib.sha256(BODY).digest()
    upload = tmp_path / "upload"
    upload.write_bytes(BODY)
    with stunnel(stack, "pop-b", tmp_path) as port:
        put = curl(port, stack.ticket(desk), "--data-binary", f"@{upload}", "-H", "Expect:")
        assert put.stdout.decode() == hashlib.sha256(BODY).hexdigest(), put.stderr + stack.logs().encode()


def test_a_ticket_opens_once(stack: Stack, desk: str, tmp_path: Path) -> None:
    """The same ticket again is refused by SOCKS5 reply 2, not allowed; also at the other POP."""
    ticket = stack.ticket(desk)
    with stunnel(stack, "pop-a", tmp_path) as port:
        assert curl(port, ticket).returncode == 0
        again = curl(port, ticket)
        assert again.returncode == 97
        assert b"(2)" in again.stderr
    with stunnel(stack, "pop-b", tmp_path) as port:
        assert curl(port, ticket).returncode == 97
