from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.trace import describe
from tests.gateway.cli.conftest import Gateway

RECORD = {
    "session": "ab" * 16, "epoch": 1, "mode": "rsp", "user": "ann", "tenant": "acme", "location": "hq",
    "resource": "desktop", "network": "192.0.2.0/24", "started": 1_800_000_000.0, "pop": "fra", "cause": "",
    "phases": {"tls": 12.5, "join": 3.0}, "connector": "c-1", "way": "connector", "client_rtt_ms": 20.5,
    "connector_rtt_ms": None, "ended": 1_800_000_060.0, "code": "client_lost", "detail": "reset",
    "from_client": 10, "from_vda": 20,
}  # fmt: skip
LATER = RECORD | {
    "epoch": 2, "pop": "ams", "cause": "silent", "resource": "", "started": 1_800_000_061.0, "ended": None
}  # fmt: skip


@pytest.fixture
def pops() -> Iterator[tuple[str, str]]:
    """Admin ports of two POPs: the later wire is at the first one."""
    servers = []
    for records in ([LATER], [RECORD]):

        class Admin(http.server.BaseHTTPRequestHandler):
            found = records

            def do_GET(self) -> None:
                is_known = self.path in ("/sessions", f"/sessions/{RECORD['session']}")
                self.send_response(200 if is_known else 404)
                self.end_headers()
                self.wfile.write(json.dumps(self.found if is_known else []).encode())

            def log_message(self, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Admin)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    yield tuple(f"127.0.0.1:{server.server_address[1]}" for server in servers)  # type: ignore[misc]
    for server in servers:
        server.shutdown()


def test_a_session_is_followed_over_pops(gateway: Gateway, pops: tuple[str, str], tmp_path: Path) -> None:
    """In the order of its wires, wherever they were asked for: by address, and by state directory."""
    (tmp_path / "admin").write_text(pops[1] + "\n")
    for where in (("--admin", pops[0], "--state", str(tmp_path)), ("--admin", pops[0], "--admin", pops[1])):
        done = gateway("trace", str(RECORD["session"]), *where)
        assert done.status == 0
        assert done.out == describe(RECORD) + "\n" + describe(LATER) + "\n"
    assert "wire 1, rsp, at fra" in done.out
    assert "phases  tls 12.5 ms, join 3 ms" in done.out
    assert "client 20.5 ms, connector unknown" in done.out
    assert "end     client_lost after 60.0 s: reset" in done.out
    assert "what    (resumed: it fell silent) at hq" in done.out
    assert done.out.endswith("end     running\n")


def test_a_dead_pop_does_not_hide_the_others(gateway: Gateway, pops: tuple[str, str]) -> None:
    """It is named; only when nobody answers is that all there is."""
    done = gateway("trace", "--admin", "127.0.0.1:1", "--admin", pops[1])
    assert (done.status, "the POP at 127.0.0.1:1 does not answer" in done.err) == (0, True)
    assert "at fra" in done.out
    assert gateway("trace", "--admin", "127.0.0.1:1").status == 2


def test_an_unknown_session_is_said(gateway: Gateway, pops: tuple[str, str], tmp_path: Path) -> None:
    """And so is a directory in which no POP has run."""
    assert gateway("trace", "0" * 32, "--admin", pops[0]).err == f"itm-gateway: no session {'0' * 32}\n"
    assert "no POP has run here" in gateway("trace", "--state", str(tmp_path)).err
