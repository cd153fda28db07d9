"""`itm serve` as a user runs it: a process, spoken to through its sockets and the `itm` command."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.programs import dig, tail, wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 90
PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Server:
    """A running server: `words` are the settings that every `itm` command needs to find it."""

    process: subprocess.Popen[bytes]
    words: tuple[str, ...]
    dns: tuple[str, int]
    public: str
    ops: str
    log: Path

    def itm(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one `itm` command against this server."""
        return itm(*command, *self.words)

    def address_for(self, subnet: str, name: str = "gw.example.net") -> str:
        """Return the address that a client of `subnet` gets; empty without an answer."""
        lines = dig(name, f"+subnet={subnet}", server=self.dns[0], port=self.dns[1])
        return lines[0] if lines else ""

    def is_ready(self) -> bool:
        """Say whether `/readyz` is content; fails when the process is gone."""
        assert self.process.poll() is None, tail(self.log)
        try:
            with urllib.request.urlopen(f"http://{self.ops}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> int:
        """Stop as Ctrl-C does; return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=15)


def itm(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one `itm` command."""
    return subprocess.run(
        [sys.executable, "-m", "itm", *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=240,
    )


@contextlib.contextmanager
def serving(
    state: Path,
    sets: Mapping[str, str],
    *,
    await_ready: bool = True,
    python: tuple[str, ...] = (sys.executable,),
) -> Iterator[Server]:
    """Serve the demo with `sets` (dots written as `__`), on free ports where none is given."""
    ports = free_ports(3)
    chosen = {
        "state": str(state),
        "dns.listen": f"127.0.0.1:{ports[0]}",
        "public.listen": f"127.0.0.1:{ports[1]}",
        "ops.listen": f"127.0.0.1:{ports[2]}",
        "builder.interval_seconds": "1",
        "demo.probe_target_port": str(free_ports(1)[0]),
        "demo.gateway_port": "0",
    } | {name.replace("__", "."): value for name, value in sets.items()}
    words = tuple(w for name, value in chosen.items() for w in ("--set", f"{name}={value}"))
    log = state / "serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*python, "-m", "itm", "serve", "--demo", *words], stdout=output, stderr=output, cwd=ROOT
        )
    host, _, port = chosen["dns.listen"].rpartition(":")
    server = Server(process, words, (host, int(port)), chosen["public.listen"], chosen["ops.listen"], log)
    try:
        if await_ready:
            wait_until(server.is_ready, READY_SECONDS, "the server is ready")
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=15)


def free_ports(count: int) -> list[int]:
    """Return free ports of loopback that nobody else is given for a long while.

    They lie below those that the kernel gives to outgoing connections, and all test runs of a user on this
    machine take them in turn from one counter: between here and the program's start nobody takes them.
    """
    with (Path(tempfile.gettempdir()) / f"itm-test-ports-{os.getuid()}").open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        at, found = int(counter.read() or 0), []
        while len(found) < count:
            at = (at + 1) % (PORTS.stop - PORTS.start)
            if _is_free(PORTS.start + at):
                found.append(PORTS.start + at)
        counter.truncate(0)
        counter.write(str(at))
    return found


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)), socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def children_of(pid: int) -> list[int]:
    """Return the processes that `pid` started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def kill(pid: int) -> None:
    """Kill one process, by pid, without a word."""
    os.kill(pid, signal.SIGKILL)
