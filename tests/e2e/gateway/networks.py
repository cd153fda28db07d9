"""A gateway over three networks: the broker has no route to the one where a directory stands.

    outside: broker, POP, user                inside: connector              lan: the directory
    203.0.113.1/24 -------------------- 203.0.113.2/24 | 10.9.0.1/24 -------- 10.9.0.2/24

The connector's host does not forward; outside has no route to 10.9.0.0/24, and one would not help.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.gateway.namespaces import Namespace, link, namespaces
from tests.e2e.gateway.stack import COMMAND, Stack
from tests.programs import need

OUTSIDE, DOOR = "203.0.113.1", "203.0.113.2"
DIRECTORY = "10.9.0.2"
API, SIGNAL, POP, VDA = 8443, 8444, 443, 7777


@dataclass
class World:
    """The three networks and what runs in them."""

    outside: Namespace
    inside: Namespace
    stack: Stack
    ca: Path

    def desk(self, *words: str, stdin: str | None = None) -> str:
        """Run a command where the broker runs; return what it printed, or fail."""
        done = self.outside.run(*COMMAND, *words, *broker_words(self.stack), stdin=stdin)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def resources(self, name: str, password: str) -> tuple[int, str]:
        """Log in from outside with curl; status, and the body."""
        curl = (need("curl", "curl"), "-s", "--max-time", "30", "--cacert", str(self.stack.ca))
        words = (
            *curl,
            "-u",
            f"{name}:{password}",
            "-w",
            "\n%{http_code}",
            f"https://{OUTSIDE}:{API}/resources",
        )
        body, _, status = self.outside.run(*words).stdout.rpartition("\n")
        return int(status), body


def broker_words(stack: Stack) -> tuple[str, ...]:
    """The broker's settings: everything on its public address."""
    sets = {
        "listen": f"{OUTSIDE}:{API}", "signal": f"{OUTSIDE}:{SIGNAL}", "names": OUTSIDE,
        "gateway": f"{OUTSIDE}:{POP}",
    }  # fmt: skip
    words = [word for name, value in sets.items() for word in ("--set", f"{name}={value}")]
    return ("--state", str(stack.folder / "broker"), *words)


@contextlib.contextmanager
def running(
    folder: Path, directory: Callable[[Namespace], AbstractContextManager[Path]], *, port: int = 636
) -> Iterator[World]:
    """Networks, directory, broker, POP and connector; everything is gone at the end.

    `directory` runs one in the namespace at `DIRECTORY` and gives its CA's file; `port` is what the connector
    allows there.
    """
    with contextlib.ExitStack() as held:
        outside, inside, lan = held.enter_context(namespaces(3))
        link(outside, f"{OUTSIDE}/24", inside, f"{DOOR}/24")
        link(inside, "10.9.0.1/24", lan, f"{DIRECTORY}/24")
        inside.run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward")
        ca = held.enter_context(directory(lan))
        stack = Stack(folder, {"api": API})
        stack.within = {"broker": outside.within, "pop": outside.within, "connector": inside.within}
        held.callback(stop, stack)
        world = World(outside, inside, stack, ca)
        stack.start("broker", "broker", *broker_words(stack), ready="broker.ready")
        world.desk("location", "create", "site")
        url = f"https://{OUTSIDE}:{API}"
        token = world.desk("pop", "token", "pop", "--address", f"{OUTSIDE}:{POP}").splitlines()[0]
        enrol = ("--broker", url, "--ca", str(stack.ca), "--token")
        pop = ("pop", "--state", str(folder / "pop"), "--listen", f"{OUTSIDE}:{POP}", *enrol, token)
        stack.start("pop", *pop, ready="pop.ready")
        token = world.desk("connector", "token", "site").splitlines()[0]
        connector = ("connector", "--state", str(folder / "connector"), *enrol, token)
        known = ("--pop", f"{OUTSIDE}:{POP}", "--allow", f"10.9.0.0/24:{port}")
        stack.start("connector", *connector, *known, ready="control.standing")
        yield world


def stop(stack: Stack) -> None:
    for process in reversed(list(stack.running.values())):
        process.stop()


def dial(namespace: Namespace, host: str, port: int) -> str:
    """Try TCP from a namespace; what the kernel says."""
    code = (
        "import socket,sys\n"
        "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3); print('open')\n"
        "except OSError as error: print(error.strerror or error)"
    )
    return namespace.run(COMMAND[0], "-c", code, host, str(port)).stdout.strip()
