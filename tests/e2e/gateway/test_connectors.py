"""Connectors besides the one at every POP: far from the client's POP, behind a proxy, leaving."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.gateway.clients import Echoing, launched
from tests.e2e.gateway.stack import Stack
from tests.e2e.gateway.test_refusals import launch
from tests.e2e.gateway.test_ssh import sshd, sshing_through
from tests.programs import tail, wait_until


def test_a_connector_at_another_pop(stack: Stack) -> None:
    """The client comes to POP A, the connector is at POP B only: the broker carries the signal."""
    stack.desk("location", "create", "far")
    stack.add_resource("far-echo", stack.ports["echo"], location="far")
    connector = stack.start_connector(name="far", location="far", pops=("pop-b",))
    try:
        with launched(stack, "far-echo") as launcher:
            result = Echoing(launcher.port, mega_bytes=2, mega_bytes_per_second=50).result(15)
            assert result.got_sha256 == result.sent_sha256
    finally:
        connector.stop()


def test_a_connector_that_leaves_loses_no_session(stack: Stack) -> None:
    """SIGTERM: the running session goes on to its end, new ones are refused, then the process ends."""
    stack.desk("location", "create", "leaving")
    stack.add_resource("leaving-echo", stack.ports["echo"], location="leaving")
    connector = stack.start_connector(name="leaving", location="leaving")
    with launched(stack, "leaving-echo") as launcher:
        echoing = Echoing(launcher.port, mega_bytes=5, mega_bytes_per_second=5, until_enough=True)
        wait_until(lambda: echoing.got > 0, 10, "bytes come back")
        connector.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: "connector.draining" in connector.text(), 5, "it drains")
        status, said, _ = launch(stack, stack.launch_file("leaving-echo"))
        assert (status, "connector_" in said) == (2, True), said
        assert connector.is_alive
        echoing.enough.set()
        result = echoing.result(15)
        assert result.got_sha256 == result.sent_sha256
    assert connector.popen.wait(timeout=10) == 0, tail(connector.log)


def test_a_connector_behind_a_socks_proxy(stack: Stack, tmp_path: Path) -> None:
    """All its connections to POPs leave through the proxy (here: `ssh -D`)."""
    stack.desk("location", "create", "inside")
    stack.add_resource("inside-echo", stack.ports["echo"], location="inside")
    with sshd(tmp_path) as port, sshing_through(tmp_path, port) as proxy:
        words = ("--proxy", f"socks5://127.0.0.1:{proxy.port}")
        connector = stack.start_connector(*words, name="inside", location="inside")
        try:
            with launched(stack, "inside-echo") as launcher:
                result = Echoing(launcher.port, mega_bytes=2, mega_bytes_per_second=50).result(15)
                assert result.got_sha256 == result.sent_sha256
            proxy.popen.kill()
            proxy.popen.wait()
            status, said, _ = launch(stack, stack.launch_file("inside-echo"))
            assert (status, "connector_none" in said) == (2, True), said
        finally:
            connector.stop()
