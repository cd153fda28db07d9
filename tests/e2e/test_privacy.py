"""Clients send all they can, sound and broken; then every file and every line of log is searched for them."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import time
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import traces
from tests.e2e.conftest import StartServer
from tests.e2e.serving import Server
from tests.programs import dig, wait_until

pytestmark = pytest.mark.long

CLIENTS = ("198.51.100.173", "203.0.113.219", "2001:db8:7a7a:1234:5678:9abc:def0:4321")
"""Told by headers, rows and client subnets."""
PEERS = ("127.77.91.203", "127.78.92.204")
"""Real senders of packets and connections."""
DEBUGGING = Path(__file__).parent / "debugging"


class Web:
    """HTTP with a source address and a forwarded client."""

    def __init__(self, listen: str, peer: str, client: str, token: str = "") -> None:
        self.host, _, port = listen.rpartition(":")
        self.port, self.peer, self.client, self.token = int(port), peer, client, token

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, Any]:
        given = {"X-Forwarded-For": self.client, "Content-Type": "text/plain"}
        given |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        ways = http.client.HTTPConnection(self.host, self.port, timeout=10, source_address=(self.peer, 0))
        with contextlib.closing(ways) as connection:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers

    def raw(self, data: bytes) -> None:
        """Send bytes that may be no HTTP at all."""
        with socket.create_connection((self.host, self.port), 10, (self.peer, 0)) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while connection.recv(65_536):
                    pass


def browse(web: Web) -> str:
    """A page view's session and beacons, with tokens, without and forged; NEL; junk that names the client.

    Returns the host name that the session's browser resolves.
    """
    plan = json.loads(web.ask("POST", "/rum/v1/session")[1])
    items = [
        {"pop": probe["pop"], "metric": "rtt_ms", "value": 20.5, "token": probe["token"]}
        for probe in plan["probes"]
    ]
    assert len(items) > 1
    report = {
        "age": 10, "type": "network-error", "url": f"https://x.example/?a={web.client}",
        "user_agent": web.client,
        "body": {
            "elapsed_time": 5, "method": "GET", "phase": "connection", "protocol": "http/1.1",
            "referrer": f"https://{web.client}/", "sampling_fraction": 1.0, "server_ip": web.client,
            "status_code": 0, "type": "tcp.timed_out",
        },
    }  # fmt: skip
    for body in (
        *(json.dumps(item).encode() for item in items),
        json.dumps([{**item, "token": web.client} for item in items]).encode(),
        json.dumps({"pop": web.client, "metric": web.client, "value": web.client, "token": 5}).encode(),
        f"{web.client} is no JSON".encode(),
        b"[" * 5000,
    ):
        assert web.ask("POST", "/rum/v1/beacon", body)[0] < 500
    for path in ("/rum/v1/nel", "/rum/v1/session", f"/rum/v1/{web.client}", f"/?{web.client}"):
        reports = json.dumps([report]).encode()
        assert web.ask("POST", path, reports, Content_Type="application/reports+json")[0] < 500
    assert web.ask("GET", f"/probe/v1/r.gif?r={web.client}")[0] == 200
    assert web.ask("POST", "/rum/v1/beacon", b"{}", X_Forwarded_For=f"{web.client}x, 10.1.1.1")[0] < 500
    assert web.ask("POST", "/rum/v1/beacon", b"{}", X_Forwarded_For=f"{web.client}, nonsense")[0] < 500
    web.raw(f"GET /{web.client} HTTP/9.9\r\nX: {web.client}\r\n\r\n".encode())
    web.raw(f"{web.client}\r\n\r\n".encode())
    web.raw(b"POST /rum/v1/beacon HTTP/1.1\r\nContent-Length: nine\r\n\r\n")
    web.raw(f"POST /rum/v1/beacon HTTP/1.1\r\nHost: {web.client}\r\nContent-Length: 900\r\n\r\n{{".encode())
    web.raw(b"\x16\x03\x01" + web.client.encode())
    return urllib.parse.urlsplit(plan["resolver"]).hostname or ""


def feed(web: Web, pop: str) -> None:
    """Rows with full addresses, in the right field and in wrong ones; questions that name the client."""
    now = time.time()
    row = {"address": web.client, "pop": pop, "metric": "rtt_ms", "value": 30, "time": now}
    wrong = [{**row, name: web.client} for name in ("pop", "metric", "value", "time", "source", "coarse")]
    wrong += [{**row, "address": f"{web.client}x"}, {"address": [web.client]}, {}]
    load = {"pop": pop, "metric": "load", "sessions": 1, "capacity": 2, "time": now, "host": "h"}
    lines = [row, {**row, "source": "session"}, *wrong, load, {**load, "sessions": web.client}]
    status, body, _ = web.ask("POST", "/api/v1/feed", "\n".join(map(json.dumps, lines)).encode())
    assert (status, json.loads(body)["accepted"]) == (200, 2), body
    web.ask("POST", f"/api/v1/feed?batch={web.client}&shift_to_now={web.client}", b"x")
    web.ask("POST", "/api/v1/feed", f"{web.client},{web.client}\n".encode() + b"\xff")
    assert web.ask("GET", f"/api/v1/why?name=gw.example.net&client={web.client}")[0] == 200
    assert web.ask("GET", f"/api/v1/why?name=gw.example.net&resolver={web.client}")[0] == 200
    for path in (f"/api/v1/why?name=gw.example.net&client={web.client}x", f"/api/v1/{web.client}"):
        assert 400 <= web.ask("GET", path)[0] < 500


def resolve(server: Server, peer: str, client: str, session: str) -> None:
    """Questions from an odd address, most with the client in full as its subnet; broken ones; TCP."""
    bits = 128 if ":" in client else 32
    dig("-b", peer, session, server=server.dns[0], port=server.dns[1])
    for name in (session, "gw.example.net", "example.net", "nowhere.example.org", "x.gw.example.net"):
        for more in ((), ("+tcp",), ("+nocookie", "+ignore")):
            words = ("-b", peer, name, f"+subnet={client}/{bits}", "+tries=1", "+time=2", *more)
            dig(*words, server=server.dns[0], port=server.dns[1])
    junk = client.encode() + bytes(20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.bind((peer, 0))
        for data in (junk, b"", struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\x0e" + junk):
            packets.sendto(data, server.dns)
    with socket.create_connection(server.dns, 5, (peer, 0)) as stream:
        stream.sendall(struct.pack(">H", len(junk)) + junk + b"\xff\xff")


@pytest.fixture
def server(start: StartServer, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server whose processes all log at level DEBUG, and that plans sessions."""
    monkeypatch.setenv("PYTHONPATH", str(DEBUGGING), prepend=":")
    server = start()
    web = Web(server.public, "127.0.0.1", "192.0.2.1")
    wait_until(lambda: web.ask("POST", "/rum/v1/session")[0] == 200, 30, "sessions are planned")
    return server


def test_clients_leave_nothing_behind(server: Server) -> None:
    """No full address in any file of the state directory or in what any process has printed, errors included.

    And nothing that a browser would send back.
    """
    nothing_tells_a_visitor_again(server)
    state = server.log.parent
    token = (state / "ops.token").read_text().strip()
    ops = Web(server.ops, PEERS[0], CLIENTS[0], token)
    pop = json.loads(ops.ask("GET", "/api/v1/pops")[1])["pops"][0]["id"]
    for peer in PEERS:
        for client in CLIENTS:
            session = browse(Web(server.public, peer, client))
            feed(Web(server.ops, peer, client, token), pop)
            resolve(server, peer, client, session)
        browse(Web(server.public, peer, peer))
    wait_until(lambda: counted(ops) >= 2 * len(CLIENTS), 60, "the builder has what was fed")
    assert server.stop() == 0
    files = traces.files_of(state)
    assert {"serve.log", "windows.ckpt", "clientele.ckpt", "sources.json"} <= {path.name for path in files}
    assert any(path.suffix == ".counts" for path in files)
    assert " DEBUG " in server.log.read_text()
    assert traces.found(files, CLIENTS) + traces.found(files, PEERS) == []


def counted(ops: Web) -> int:
    builder = json.loads(ops.ask("GET", "/api/v1/map")[1])["builder"]
    return int(builder["counted"]) if builder else 0


PUBLIC: Sequence[tuple[str, str]] = (
    ("POST", "/rum/v1/session"), ("POST", "/rum/v1/beacon"), ("OPTIONS", "/rum/v1/beacon"),
    ("GET", "/rum/v1/rum.js"), ("GET", "/rum/v1/demo"), ("GET", "/probe/v1/r.gif"),
    ("GET", "/probe/v1/l.bin"), ("POST", "/rum/v1/nel"),
)  # fmt: skip


def nothing_tells_a_visitor_again(server: Server) -> None:
    """No cookie; no tag or date that a browser would send back, but on files that are the same for all."""
    here, there = Web(server.public, PEERS[0], CLIENTS[0]), Web(server.public, PEERS[1], CLIENTS[1])
    for method, path in PUBLIC:
        tags = set()
        for web in (here, here, there):
            _, _, headers = web.ask(method, path, Cookie="id=1", If_None_Match='"1"')
            assert "Set-Cookie" not in headers
            assert "Last-Modified" not in headers
            tags.add(headers.get("ETag"))
        assert len(tags) == 1
    sessions = [json.loads(web.ask("POST", "/rum/v1/session")[1]) for web in (here, here, there)]
    told = [word for plan in sessions for word in (plan["session"], *(p["token"] for p in plan["probes"]))]
    assert len(set(told)) == len(told)
