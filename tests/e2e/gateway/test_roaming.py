"""A client whose network changes under a session: another address, and none for a while."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.gateway.feed import fed
from tests.e2e.gateway.knocks import count, wait_for
from tests.e2e.gateway.namespaces import link, namespaces
from tests.e2e.gateway.shell import Shell, shell_in
from tests.e2e.gateway.stack import COMMAND
from tests.programs import tail, wait_until

POP = "10.99.0.1:9443"
VDA = "127.0.0.1:7777"


def start_gateway(shell: Shell) -> None:
    """Run a broker, a POP, a connector and an echo VDA; leave a launch file in the shell's folder."""
    ca = "--broker https://127.0.0.1:8443 --ca state/broker/ca.pem"
    shell.run(f"mkdir -p state/broker && echo 'gateway = \"{POP}\"' >state/broker/broker.toml")
    shell.run("itm-gateway broker &")
    shell.wait_for("broker.log", "broker.ready")
    shell.run(f"itm-gateway echo-vda --listen {VDA} &")
    token = shell.run(f"itm-gateway pop token pop-a --address {POP}").split()[0]
    shell.run(f"itm-gateway pop --state state/pop --listen {POP} {ca} --token {token} &")
    shell.wait_for("pop.log", "signal.standing")
    shell.run("itm-gateway location create site")
    token = shell.run("itm-gateway connector token site").split()[0]
    shell.run(f"itm-gateway connector {ca} --token {token} --allow {VDA} --pop {POP} &")
    shell.wait_for("connector.log", "control.standing")
    shell.run(f"itm-gateway resource add echo --location site --target {VDA}")
    shell.run("itm-gateway user add ann <<<'a long enough password'")
    shell.run("itm-gateway launch-file echo --user ann -o echo.ica")


@pytest.mark.long
def test_a_session_outlives_its_clients_network(tmp_path: Path) -> None:
    """The client's address changes and the cable is pulled: all bytes come back, once and in order."""
    with (
        namespaces(2) as (there, here),
        shell_in(there, tmp_path) as server,
        shell_in(here, tmp_path) as client,
    ):
        link(there, "10.99.0.1/24", here, "10.99.0.10/24")
        client.run("wan=$(ls /sys/class/net | grep -v lo)")
        start_gateway(server)
        launch = [*COMMAND, "launch", str(tmp_path / "echo.ica"), "--stdio", "--verbose"]
        launch += ["--ca", str(tmp_path / "state" / "broker" / "ca.pem")]
        out, log = tmp_path / "out", tmp_path / "err"
        with fed([*here.within, *launch], tmp_path) as (popen, feed):
            wait_until(lambda: out.stat().st_size > 1_000_000, 20, f"bytes come back: {tail(log)}")
            client.run("ip address flush dev $wan && ip address add 10.99.0.11/24 dev $wan")
            wait_for(log, "session.resumed", 1)
            for seconds in (2, 8):
                before = out.stat().st_size
                client.run("ip link set $wan down")
                time.sleep(seconds)
                client.run("ip link set $wan up")
                wait_until(lambda b=before: out.stat().st_size > b + 1_000_000, 30, "bytes come again")
            feed.enough.set()
            try:
                assert popen.wait(timeout=30) == 0, tail(log)
            except subprocess.TimeoutExpired:
                sockets = client.run("ss -tnoi") + server.run("ss -tnoi")
                pytest.fail(f"{out.stat().st_size} of {feed.sent} bytes came back\n{sockets}\n{tail(log)}")
    assert hashlib.sha256(out.read_bytes()).hexdigest() == feed.sha256.hexdigest()
    assert out.stat().st_size == feed.sent >= 30_000_000
    print(f"{count(log, 'session.resumed')} resumes")
