"""The health loop and the performance loop do not read each other's corrections (steering.md 7.12)."""

from __future__ import annotations

import subprocess
import sys

HEALTH = ("itm.steer.health", "collectors.probe.quorum", "collectors.probe.standing", "collectors.probe.loop")
PERFORMANCE = (
    "itm.steer.estimate",
    "itm.steer.evidence",
    "itm.steer.residual",
    "itm.steer.memory",
    "itm.steer.moves",
    "itm.steer.decide",
)


def loaded(modules: tuple[str, ...]) -> set[str]:
    """Return what a fresh interpreter has loaded after importing modules."""
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_health_knows_nothing_of_what_was_measured_or_decided() -> None:
    """Whether a POP is up is said by checks and by people, never by the latency that steering made."""
    assert loaded(HEALTH) & {*PERFORMANCE, "collectors.window", "collectors.aggregate"} == set()


def test_steering_by_measurements_knows_nothing_of_health() -> None:
    """Estimates, steps and memory see neither checks nor verdicts: a POP that is down keeps its networks in
    the map, and has them again the moment it is up.
    """
    assert loaded(PERFORMANCE) & {"itm.steer.health", "collectors.probe.loop"} == set()
