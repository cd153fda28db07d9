"""An ordinary HTTP client through the gateway: the ticket is its SOCKS5 domain, stunnel its TLS."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway.clients import launched, stunnel
from tests.e2e.gateway.knocks import Knocks, count, revive
from tests.e2e.gateway.stack import Stack
from tests.programs import need, wait_until

BODY = random.Random(3).randbytes(20_000_000)
BIG_PARTS = 10


class Desk(http.server.BaseHTTPRequestHandler):
    """Serves a big object, one ten times as big at `/big`, and takes uploads."""

    def do_GET(self) -> None:
        parts = BIG_PARTS if self.path == "/big" else 1
        self.send_response(200)
        self.send_header("Content-Length", str(parts * len(BODY)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(parts):
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


def through_socks(port: int, ticket: str) -> list[str]:
    """Return the options that open a ticket as Workspace clients do: as the SOCKS5 domain."""
    return ["--socks5-hostname", f"127.0.0.1:{port}", "--connect-to", f"desk.example:80:{ticket}:2598"]


def curl(port: int, ticket: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Fetch from the desk with curl."""
    limited = [need("curl", "curl"), "--silent", "--show-error", "--max-time", "20"]
    return subprocess.run(
        [*limited, *through_socks(port, ticket), *words, "http://desk.example/"],
        capture_output=True,
        check=False,
    )


def download(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start to download 200 MB into `folder/big`, paced."""
    paced = [need("curl", "curl"), "--silent", "--show-error", "--limit-rate", "5M"]
    return subprocess.Popen([*paced, "--output", str(folder / "big"), *words], stderr=subprocess.PIPE)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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


@pytest.mark.long
def test_curl_lives_through_its_pops_deaths(stack: Stack, desk: str, tmp_path: Path) -> None:
    """200 MB come whole through the launcher while the POP in use is killed four times."""
    with launched(stack, desk) as launcher:
        popen = download(tmp_path, f"http://127.0.0.1:{launcher.port}/big")
        knocks = Knocks(stack, launcher.log)
        for part, how in enumerate(("kill", "stop", "kill", "kill"), start=1):
            wait_until(lambda part=part: size_of(tmp_path / "big") > part * 15_000_000, 20, "it goes on")
            knocks.knock(how)
        _, said = popen.communicate(timeout=60)
        assert popen.returncode == 0, said
        assert count(launcher.log, "session.resumed") == 4
    expected = hashlib.sha256()
    for _ in range(BIG_PARTS):
        expected.update(BODY)
    assert hashlib.sha256((tmp_path / "big").read_bytes()).digest() == expected.digest()


def test_curl_without_a_launcher_ends_with_its_pop(stack: Stack, desk: str, tmp_path: Path) -> None:
    """The plain splice of SOCKS5 dies with its POP, and curl says so: what the launcher is for."""
    with stunnel(stack, "pop-b", tmp_path) as port:
        popen = download(tmp_path, *through_socks(port, stack.ticket(desk)), "http://desk.example/big")
        wait_until(lambda: size_of(tmp_path / "big") > 5_000_000, 10, "the download runs")
        stack.running["pop-b"].kill()
        try:
            assert popen.wait(timeout=10) != 0
        finally:
            revive(stack, "pop-b")
