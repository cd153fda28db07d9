"""What is done to the POP that a session rides, and how its end and its successor are told from the logs."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.e2e.gateway.stack import Stack
from tests.programs import tail, wait_until

Knock = Literal["kill", "stop", "freeze"]
"""`kill`: SIGKILL. `stop`: SIGSTOP, then SIGKILL. `freeze`: SIGSTOP, then SIGCONT, with stale bytes."""

POPS = ("pop-a", "pop-b")


@dataclass
class Knocks:
    """Knocks the POP in use, waits for the resume, and makes both POPs whole again for the next one.

    Launch files name the first POP, and a session stays where it resumed: with two POPs they take turns.
    """

    stack: Stack
    launcher_log: Path
    done: int = 0

    def knock(self, how: Knock) -> None:
        """Return when the session goes on elsewhere and the connector stands at both POPs."""
        name = POPS[self.done % 2]
        self.done += 1
        pop = self.stack.running[name]
        os.kill(pop.popen.pid, signal.SIGKILL if how == "kill" else signal.SIGSTOP)
        try:
            wait_for(self.launcher_log, "session.resumed", self.done)
        finally:
            if how == "freeze":
                os.kill(pop.popen.pid, signal.SIGCONT)
            else:
                pop.kill()
                revive(self.stack, name)


def revive(stack: Stack, name: str) -> None:
    """Start a dead POP again; return when the connector stands there."""
    log = stack.running["connector"].log
    standing = count(log, "control.standing")
    stack.restart(name)
    wait_for(log, "control.standing", standing + 1)


def count(log: Path, event: str) -> int:
    """Return how often an event was logged."""
    return log.read_text(errors="replace").count(event)


def wait_for(log: Path, event: str, times: int) -> None:
    """Wait until an event was logged that often."""
    wait_until(lambda: count(log, event) >= times, 10, f"{event} {times} times:\n{tail(log)}")
