"""Connectors besides the one at every POP: far from the client's POP, behind proxies, leaving."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.gateway.clients import Echoing, launched
from tests.e2e.gateway.stack import Stack
from tests.e2e.gateway.test_refusals import launch
from tests.e2e.gateway.test_ssh import is_open, sshd, sshing_through
from tests.e2e.serving import free_ports
from tests.programs import need, tail, wait_until


def carry(stack: Stack, resource: str) -> None:
    """Have 2 MB go to the VDA and come back unharmed."""
    with launched(stack, resource) as launcher:
        result = Echoing(launcher.port, mega_bytes=2, mega_bytes_per_second=50).result(15)
        assert result.got_sha256 == result.sent_sha256


def test_a_connector_at_another_pop(stack: Stack) -> None:
    """The client comes to POP A, the connector is at POP B only: the broker carries the signal."""
    stack.desk("location", "create", "far")
    stack.add_resource("far-echo", stack.ports["echo"], location="far")
    connector = stack.start_connector(name="far", location="far", pops=("pop-b",))
    try:
        carry(stack, "far-echo")
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
            carry(stack, "inside-echo")
            proxy.popen.kill()
            proxy.popen.wait()
            status, said, _ = launch(stack, stack.launch_file("inside-echo"))
            assert (status, "connector_none" in said) == (2, True), said
        finally:
            connector.stop()


@dataclass
class HttpProxy:
    """A real tinyproxy that wants a password and lets CONNECT through to some ports only."""

    popen: subprocess.Popen[bytes]
    port: int
    log: Path


@contextlib.contextmanager
def tinyproxy(folder: Path, *ports: int) -> Iterator[HttpProxy]:
    (listen,) = free_ports(1)
    log = folder / "tinyproxy.log"
    allowed = "".join(f"ConnectPort {port}\n" for port in ports)
    (folder / "tinyproxy.conf").write_text(
        f'Port {listen}\nListen 127.0.0.1\nAllow 127.0.0.1\nLogLevel Connect\nLogFile "{log}"\n'
        f"BasicAuth itm a-good-word\n{allowed}"
    )
    words = [need("tinyproxy", "tinyproxy"), "-d", "-c", str(folder / "tinyproxy.conf")]
    with (folder / "tinyproxy.out").open("wb") as output:
        popen = subprocess.Popen(words, stdout=output, stderr=output)
    try:
        wait_until(lambda: is_open(listen), 10, "tinyproxy listens")
        yield HttpProxy(popen, listen, log)
    finally:
        popen.kill()
        popen.wait()


def test_a_connector_behind_an_http_proxy(stack: Stack, tmp_path: Path) -> None:
    """HTTP CONNECT with a password through tinyproxy: enrolment, control and data channels alike."""
    stack.desk("location", "create", "office")
    stack.add_resource("office-echo", stack.ports["echo"], location="office")
    with tinyproxy(tmp_path, *(stack.ports[name] for name in ("api", "pop-a", "pop-b"))) as proxy:
        words = ("--proxy", f"http://itm:a-good-word@127.0.0.1:{proxy.port}")
        connector = stack.start_connector(*words, name="office", location="office")
        try:
            carry(stack, "office-echo")
            asked = proxy.log.read_text()
            for name in ("api", "pop-a", "pop-b"):
                assert f"CONNECT 127.0.0.1:{stack.ports[name]}" in asked
            proxy.popen.kill()
            proxy.popen.wait()
            status, said, _ = launch(stack, stack.launch_file("office-echo"))
            assert (status, "connector_none" in said) == (2, True), said
        finally:
            connector.stop()


def test_a_proxys_refusal_is_told(stack: Stack, tmp_path: Path) -> None:
    """A wrong password, or a port that the proxy does not let through: the log says what it answered."""
    stack.desk("location", "create", "shut")
    with tinyproxy(tmp_path, stack.ports["pop-a"]) as proxy:
        for number, (password, pop, answer) in enumerate(
            [("wrong", "pop-a", "401 Unauthorized"), ("a-good-word", "pop-b", "403")]
        ):
            state = stack.folder / f"shut-{number}"
            state.mkdir()
            shutil.copy(stack.folder / "connector" / "connector.json", state)  # enrolling is for another test
            words = ("--proxy", f"http://itm:{password}@127.0.0.1:{proxy.port}")
            connector = stack.start_connector(
                *words, name=f"shut-{number}", location="shut", pops=(pop,), ready="control.lost"
            )
            connector.kill()
            assert f"the proxy answered {answer}" in connector.text()
