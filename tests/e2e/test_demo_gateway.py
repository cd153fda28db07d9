"""The gateway beside the demo: `itm serve --demo` starts it, prints what to paste, survives its faults."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from tests.e2e.conftest import StartServer
from tests.e2e.serving import ROOT, Server, children_of, free_ports, kill
from tests.programs import tail, wait_until

GREETING = "The gateway runs"


def gateway_of(server: Server) -> int:
    """Return the pid of the demo's gateway."""
    for pid in children_of(server.process.pid):
        if b"gateway" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return 0


def test_it_is_started_printed_restarted_and_stopped(start: StartServer) -> None:
    """What `make run` prints for the gateway works pasted; killed, it comes back while DNS answers on."""
    server = start(demo__gateway_port=str(free_ports(1)[0]))
    wait_until(lambda: GREETING in server.log.read_text(), 30, f"the gateway's commands:\n{tail(server.log)}")
    text = server.log.read_text().partition(GREETING)[2]
    get, hello = [line.strip() for line in text.splitlines() if line.startswith("     ")][:2]
    for command, said in ((get, ""), (hello, "hello\n")):
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, said), done.stderr
    first = gateway_of(server)
    kill(first)
    assert server.address_for("133.11.0.0/24")
    wait_until(lambda: gateway_of(server) not in (0, first), 10, "another gateway runs")
    again = gateway_of(server)
    assert server.stop() == 0
    assert not Path(f"/proc/{again}").exists()


def test_a_gateway_that_cannot_start_is_told_and_harms_nobody(start: StartServer) -> None:
    """Its port is taken: one exact line, again at every restart; the server is ready all the same."""
    with socket.create_server(("127.20.1.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start(demo__gateway_port=str(port))
        line = f"itm-gateway: --port: cannot listen on 127.20.1.1:{port}: Address already in use"
        wait_until(lambda: server.log.read_text().count(line) > 1, 15, f"it is told:\n{tail(server.log)}")
        assert "child.died child=gateway status=2" in server.log.read_text()
        assert server.is_ready()
        assert server.address_for("133.11.0.0/24")
        assert GREETING not in server.log.read_text()
