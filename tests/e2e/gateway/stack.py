"""A whole gateway on loopback, of real processes: broker, POPs, connector, echo VDA; state of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.serving import ROOT, free_ports
from tests.programs import tail, wait_until

READY_SECONDS = 60
COMMAND = (sys.executable, "-m", "gateway")


@dataclass
class Process:
    """One running program; its log is a file."""

    words: tuple[str, ...]
    log: Path
    popen: subprocess.Popen[bytes]

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """kill -9."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """Ask it to stop, and again; then kill it."""
        stop_all([self])


def stop_all(processes: Sequence[Process]) -> None:
    """Ask all of them to stop, and again; then kill them. They drain side by side."""
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        alive = [process for process in processes if process.is_alive]
        for process in alive:
            process.popen.send_signal(number)
        deadline = time.monotonic() + 1.5
        for process in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(timeout=max(0.01, deadline - time.monotonic()))


@dataclass
class Stack:
    """The processes of one gateway, by name: `broker`, `pop-a`, `pop-b`, `connector`, `echo-vda`."""

    folder: Path
    ports: dict[str, int]
    running: dict[str, Process] = field(default_factory=dict)
    within: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What is put before a program's command, by its name: to run it in a network namespace."""
    settings: tuple[str, ...] = ()
    """The broker's, `NAME=VALUE`, beside its addresses."""

    @property
    def ca(self) -> Path:
        return self.folder / "broker" / "ca.pem"

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run one command to its end; return what it printed on stdout."""
        done = subprocess.run(
            [*COMMAND, *words], capture_output=True, text=True, check=False, cwd=ROOT, input=stdin, timeout=60
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def broker_words(self) -> tuple[str, ...]:
        return (
            *("--state", str(self.folder / "broker")),
            *("--set", f"listen=127.0.0.1:{self.ports['api']}"),
            *("--set", f"signal=127.0.0.1:{self.ports['signal']}"),
            *("--set", f"gateway=localhost:{self.ports['pop-a']}"),
            *(word for setting in self.settings for word in ("--set", setting)),
        )

    def desk(self, *words: str, stdin: str | None = None) -> str:
        """Run a command on the broker's state; return the first line of what it printed."""
        return self.run(*words, *self.broker_words(), stdin=stdin)

    def start(self, name: str, *words: str, ready: str) -> Process:
        """Start a program (or start it again) and wait until its log says `ready`."""
        log = self.folder / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [*self.within.get(name, ()), *COMMAND, *words],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
            )
        process = self.running[name] = Process(words, log, popen)

        def is_ready() -> bool:
            assert process.is_alive, f"{name} died:\n{tail(log)}"
            return ready in log.read_bytes()[before:].decode(errors="replace")

        try:
            wait_until(is_ready, READY_SECONDS, f"{name} says {ready}")
        except BaseException:
            print(tail(log))
            raise
        return process

    def start_pop(self, name: str, *more: str, listen: str = "") -> Process:
        """Start a POP; the first time it enrols. `listen`: where it is, when a proxy has its address."""
        state = self.folder / name
        words: list[str] = []
        address = f"127.0.0.1:{self.ports[name]}"
        if not (state / "pop.json").exists():
            token = self.desk("pop", "token", name, "--address", address).splitlines()[0]
            url = f"https://127.0.0.1:{self.ports['api']}"
            words += ["--broker", url, "--token", token, "--ca", str(self.ca)]
        return self.start(
            name,
            *("pop", "--state", str(state), "--listen", listen or address, "--ping-seconds", "1"),
            *("--alternates-seconds", "1"),
            *(("--address", address) if listen else ()),
            *("--drain-seconds", "4", *words, *more),
            ready="pop.ready",
        )

    def restart(self, name: str) -> Process:
        """Start a program that ended again with the words it had."""
        ready = {"broker": "broker.ready", "pop": "pop.ready", "connector": "control.standing"}[
            self.running[name].words[0]
        ]
        return self.start(name, *self.running[name].words, ready=ready)

    def start_connector(
        self,
        *more: str,
        name: str = "connector",
        location: str = "site",
        pops: tuple[str, ...] = ("pop-a", "pop-b"),
        ready: str = "control.standing",
        tenant: str = "default",
    ) -> Process:
        """Enrol and start a connector of the location that knows these POPs."""
        token = self.desk("connector", "token", location, "--tenant", tenant).splitlines()[0]
        known = [word for pop in pops for word in ("--pop", f"127.0.0.1:{self.ports[pop]}")]
        return self.start(
            name,
            *("connector", "--state", str(self.folder / name)),
            *("--broker", f"https://127.0.0.1:{self.ports['api']}", "--token", token, "--ca", str(self.ca)),
            *("--allow", "127.0.0.1:*", *known, *more),
            ready=ready,
        )

    def add_resource(self, name: str, port: int, location: str = "site") -> None:
        """Let everyone open a VDA at a port of loopback."""
        self.desk("resource", "add", name, "--location", location, "--target", f"127.0.0.1:{port}")

    def launch_file(self, resource: str) -> Path:
        """Return a fresh launch file."""
        path = self.folder / f"{resource}-{time.monotonic_ns()}.ica"
        self.desk("launch-file", resource, "--user", "ann", "-o", str(path))
        return path

    def ticket(self, resource: str) -> str:
        """Return a fresh ticket as text."""
        lines = self.launch_file(resource).read_text().splitlines()
        return next(line.removeprefix("Address=") for line in lines if line.startswith("Address="))

    def logs(self) -> str:
        """Return the ends of all logs, for a failure's message."""
        return "\n".join(f"--- {name}\n{tail(process.log)}" for name, process in self.running.items())


@contextlib.contextmanager
def gateway(
    folder: Path,
    *,
    pops: tuple[str, ...] = ("pop-a",),
    with_connector: bool = True,
    settings: tuple[str, ...] = (),
) -> Iterator[Stack]:
    """Run a gateway with a location `site`, a user `ann`, a resource `echo`."""
    names = ("api", "signal", "pop-a", "pop-b", "echo")
    stack = Stack(folder, dict(zip(names, free_ports(len(names)), strict=True)), settings=settings)
    try:
        stack.start("broker", "broker", *stack.broker_words(), ready="broker.ready")
        stack.desk("location", "create", "site")
        stack.desk("user", "add", "ann", stdin="a long enough password\n")
        started = [stack.start_pop(pop) for pop in pops]
        if len(pops) > 1:
            wait_until(
                lambda: all("alternates.learned" in pop.text() for pop in started), 10, "POPs know each other"
            )
        echo = f"127.0.0.1:{stack.ports['echo']}"
        stack.start("echo-vda", "echo-vda", "--listen", echo, ready="listens")
        stack.add_resource("echo", stack.ports["echo"])
        if with_connector:
            connector = stack.start_connector()
            expected = len(pops)
            wait_until(
                lambda: connector.text().count("control.standing") >= expected, 10, "a channel at every POP"
            )
        yield stack
    finally:
        stop_all(list(stack.running.values()))
        if os.environ.get("SHOW_LOGS"):
            print(stack.logs())
