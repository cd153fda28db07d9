"""The demo's gateway as a newcomer meets it: what it prints is pasted into a shell, a POP is killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.stack import COMMAND
from tests.e2e.serving import ROOT, free_ports
from tests.programs import tail, wait_until

READY_SECONDS = 60


@dataclass
class Demo:
    """A running `itm-gateway demo`."""

    process: subprocess.Popen[bytes]
    state: Path
    log: Path

    @property
    def text(self) -> str:
        """What it printed to paste; "" until this process is ready."""
        try:
            said = json.loads((self.state / "ready.json").read_text())
        except OSError:
            return ""
        return str(said["text"]) if said["pid"] == self.process.pid else ""

    def pid(self, name: str) -> int:
        return int((self.state / f"{name}.pid").read_text())

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def demo(state: Path, port: int) -> Iterator[Demo]:
    log = state.with_suffix(".log")
    with log.open("ab") as output:
        words = [*COMMAND, "demo", "--state", str(state), "--port", str(port)]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
    running = Demo(process, state, log)
    try:
        wait_until(lambda: bool(running.text), READY_SECONDS, "the demo is ready")
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo") / "gateway", free_ports(2)[0]) as one:
        yield one


def pasted(text: str) -> list[str]:
    """Return what a reader copies: the lines that stand five spaces in."""
    return [line.strip() for line in text.splitlines() if line.startswith("     ")]


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def test_what_it_prints_works_pasted(running: Demo) -> None:
    """All lines, in their order: an echo; ten lines over a killed POP, none lost, none twice; the traces."""
    before = running.pid("pop-a")
    get, hello, again, killed, trace = pasted(running.text)
    assert shell(get).returncode == 0
    assert shell(hello).stdout == "hello\n"
    assert shell(again).returncode == 0
    done = shell(killed)
    assert done.stdout.split() == [str(number) for number in range(1, 11)], done.stderr
    assert done.returncode == 0
    assert "session.resumed" in done.stderr
    assert running.pid("pop-a") != before, "killed and started again"
    assert "child.died child=pop-a status=-9" in running.log.read_text()
    told = shell(trace)
    assert told.returncode == 0, told.stderr
    assert "demo of default" in told.stdout


def test_a_session_behind_a_local_port_outlives_its_pop(running: Demo) -> None:
    """`launch --listen`, any TCP client, kill -9 of the POP in its middle: the same bytes come back."""
    file = running.state / "listen.ica"
    get = pasted(running.text)[0].rpartition(" -o ")[0]
    assert shell(f"{get} -o {file}").returncode == 0
    log = running.state / "listen.log"
    with log.open("wb") as output:
        words = [*COMMAND, "launch", str(file), "--listen", "127.0.0.1:0", "--verbose"]
        launch = subprocess.Popen(
            [*words, "--ca", str(running.state / "broker" / "ca.pem")], stdout=output, stderr=output, cwd=ROOT
        )
    try:
        wait_until(lambda: "listening" in log.read_text(), 10, "the launcher listens")
        found = re.search(r"address=127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=20) as client:
            client.sendall(b"before")
            assert client.recv(100) == b"before"
            os.kill(running.pid("pop-a"), signal.SIGKILL)
            client.sendall(b"after")
            assert client.recv(100) == b"after"
        assert launch.wait(timeout=10) == 0, tail(log)
        assert "session.resumed" in log.read_text()
    finally:
        launch.kill()
        launch.wait()


def test_it_starts_again_from_its_state_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The second start sets nothing up; SIGTERM and SIGKILL both take every child along."""
    port = free_ports(2)[0]
    with demo(tmp_path / "gateway", port) as first:
        assert "demo.set_up" in first.log.read_text()
        children = first.children()
        assert len(children) == 5
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    told = len(first.log.read_text())
    started = time.monotonic()
    with demo(tmp_path / "gateway", port) as second:
        print(f"ready again after {time.monotonic() - started:.1f} s")
        assert "demo.set_up" not in second.log.read_text()[told:]
        assert shell(pasted(second.text)[0]).returncode == 0
        assert shell(pasted(second.text)[1]).stdout == "hello\n"
        children = second.children()
        second.process.kill()
        second.process.wait()
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 5, "all children are gone"
        )
