"""Browsers' way through a whole gateway: Chromium's WebSocket, and aiohttp's as a second opinion."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.server
import json
import queue
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.protocol.ticket import parse
from tests.e2e.gateway.stack import Stack
from tests.programs import need

PAGE = """<!doctype html><title>WebSocket</title><script>
const sent = new Uint8Array(SIZE).map((_, i) => (i * 7) & 255);
const socket = new WebSocket("URL", ["hdx-plain.v1", "TICKET"]);
socket.binaryType = "arraybuffer";
const got = [];
let length = 0;
function tell(what) { fetch("/told", {method: "POST", body: JSON.stringify(what)}); }
socket.onopen = () => { for (let at = 0; at < SIZE; at += 100000) socket.send(sent.slice(at, at + 100000)); };
socket.onmessage = event => {
  got.push(new Uint8Array(event.data));
  length += event.data.byteLength;
  if (length === SIZE) socket.close(1000, "done");
};
socket.onclose = event => {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of got) { all.set(piece, at); at += piece.length; }
  const same = length === SIZE && all.every((byte, i) => byte === sent[i]);
  const {code, reason, wasClean} = event;
  tell({protocol: socket.protocol, same, length, code, reason, clean: wasClean});
};
</script>"""
SIZE = 2_000_000
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


def token(stack: Stack) -> str:
    """Return a fresh ticket as a subprotocol."""
    return parse(stack.ticket("echo")).name("localhost")


class Page(http.server.BaseHTTPRequestHandler):
    """Serves one page and takes what it tells."""

    html = b""
    told: queue.Queue[dict[str, object]]

    def do_GET(self) -> None:
        body = self.html if self.path == "/" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def page(certificate: Path, html: str) -> Iterator[tuple[int, queue.Queue[dict[str, object]]]]:
    """Serve the page over HTTPS; give the port, and what it tells."""
    told: queue.Queue[dict[str, object]] = queue.Queue()
    handler = type("OnePage", (Page,), {"html": html.encode(), "told": told})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, told
        finally:
            server.shutdown()


def spki(certificate: Path) -> str:
    """Return the name that Chromium's list of trusted keys has for a certificate."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def visit(
    stack: Stack, folder: Path, ticket: str, host: str = "localhost", size: int = SIZE
) -> dict[str, object]:
    """Have Chromium open a page of `host` that sends `size` bytes over a WebSocket; return what it saw."""
    certificate = folder / f"{host}.pem"
    words = ("--state", str(stack.folder / "broker"), "-o", str(certificate))
    stack.run("authority", "server", host, *words)
    url = f"wss://localhost:{stack.ports['pop-a']}/hdx/v1"
    html = PAGE.replace("URL", url).replace("TICKET", ticket).replace("SIZE", str(size))
    trusted = ",".join((spki(certificate), spki(stack.folder / "pop-a" / "pop.pem")))
    with page(certificate, html) as (port, told), (folder / "chromium.log").open("wb") as log:
        browser = subprocess.Popen(
            [
                need("chromium", "chromium"), *FLAGS, f"--user-data-dir={folder / host}",
                f"--ignore-certificate-errors-spki-list={trusted}",
                f"--host-resolver-rules=MAP {host} 127.0.0.1", f"https://{host}:{port}/",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            return told.get(timeout=60)
        finally:
            browser.terminate()
            browser.wait(timeout=20)


@pytest.mark.long
def test_a_page_in_chromium(stack: Stack, tmp_path: Path) -> None:
    """2 MB each way, the same bytes, closed in order; a used ticket and its code; a foreign page, refused."""
    ticket = token(stack)
    seen = visit(stack, tmp_path, ticket)
    assert seen == {
        "protocol": "hdx-plain.v1", "same": True, "length": SIZE,
        "code": 1000, "reason": "done", "clean": True,
    }  # fmt: skip
    # With megabytes still to send Chromium never answers the POP's close frame: a thousand bytes, then.
    again = visit(stack, tmp_path, ticket, size=1000)
    assert (again["code"], again["clean"], again["length"]) == (4108, True, 0)
    assert str(again["reason"]).startswith("client_ticket_refused: ")
    foreign = visit(stack, tmp_path, token(stack), host="evil.test")
    assert (foreign["code"], foreign["protocol"]) == (1006, ""), "refused before the upgrade"


def test_a_program_with_a_websocket(stack: Stack) -> None:
    """aiohttp's client, which verifies the POP's name: 300 kB come back, and it ends in order."""

    async def body() -> None:
        url = f"https://localhost:{stack.ports['pop-a']}/hdx/v1"
        sent = hashlib.shake_128(b"seed").digest(300_000)
        trust = ssl.create_default_context(cafile=stack.ca)
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(url, protocols=("hdx-plain.v1", token(stack)), ssl=trust) as ws,
        ):
            await ws.send_bytes(sent)
            got = b""
            async with asyncio.timeout(20):
                while len(got) < len(sent):
                    got += await ws.receive_bytes()
            assert got == sent
            await ws.close()
            assert ws.close_code == 1000

    asyncio.run(body())
