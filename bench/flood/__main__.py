"""Stalled readers and half-open handshakes at a real POP, and another session's round trips; JSON.

    python -m bench.flood [--stalled 1000] [--half-open 10000] [--networks 500]

Memory is the growth of the POP's PSS. A probe in a process of its own sends 64 B a hundred times a second
through a session that stood before: its round trips without and with the crowd.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.flood.crowd import HalfOpen, Stalled
from bench.gateway.stand import Stand, metrics, stand
from bench.report import publish, setting

STALLED_BAR_KB = 300
QUIET_SECONDS, SETTLE_SECONDS, STALLED_SECONDS = 5, 3, 5
HALF_OPEN_SECONDS = 15
"""Beyond the POP's own limit for a handshake, 10 s."""


class Probe:
    """The process beside the crowd."""

    def __init__(self, made: Stand) -> None:
        words = [sys.executable, "-m", "bench.flood.probe", str(made.port()), made.tickets(1)[0]]
        self.popen = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready\n"

    def times(self) -> dict[str, float]:
        """Return p50, p99 and worst in ms since the last call."""
        assert self.popen.stdin is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        return {name: round(value, 3) for name, value in json.loads(self._line()).items()}

    def _line(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline()


@contextmanager
def probing(made: Stand) -> Iterator[Probe]:
    """Run a probe."""
    probe = Probe(made)
    try:
        yield probe
    finally:
        probe.popen.kill()
        probe.popen.wait()


def quiet(probe: Probe) -> dict[str, float]:
    """Return the probe's times with nobody else there."""
    probe.times()
    time.sleep(QUIET_SECONDS)
    return probe.times()


def stalled(made: Stand, count: int) -> dict[str, Any]:
    """Return kB and CPU of a stalled session, and the probe's times while all of them stand."""
    meter = made.meter("pop-a")
    with probing(made) as probe:
        before, alone = meter.memory_kb(), quiet(probe)
        crowd = Stalled(made, count)
        time.sleep(SETTLE_SECONDS)
        probe.times()
        cpu, connector = meter.cpu_seconds(), made.meter("connector").cpu_seconds()
        time.sleep(STALLED_SECONDS)
        among = probe.times()
        found = {
            "kb_per_session": round((meter.memory_kb() - before) / count, 1),
            "held_kb_per_session": round(metrics(made.stack)["gateway_pop_held_bytes"] / count / 1024, 1),
            "pop_cpu_share": round((meter.cpu_seconds() - cpu) / STALLED_SECONDS, 4),
            "connector_cpu_share": round(
                (made.meter("connector").cpu_seconds() - connector) / STALLED_SECONDS, 4
            ),
            "trip_ms_alone": alone,
            "trip_ms_among_them": among,
        }
        crowd.close()
    return found | {"holds": {"kb_per_session": found["kb_per_session"] <= STALLED_BAR_KB}}


def half_open(made: Stand, count: int, networks: int) -> dict[str, Any]:
    """Return the POP's peak growth, what it refused and why, and the probe's times meanwhile."""
    meter = made.meter("pop-a")
    with probing(made) as probe:
        before, alone = meter.memory_kb(), quiet(probe)
        refused = _refused(made)
        began = time.monotonic()
        crowd = HalfOpen(made.port(), count, networks=networks)
        arrived, peak, most = time.monotonic() - began, 0, 0
        while time.monotonic() - began < arrived + HALF_OPEN_SECONDS:
            peak, most = max(peak, meter.memory_kb() - before), max(most, crowd.standing)
            crowd.dribble()
            time.sleep(0.5)
        found = {
            "arrived_in_seconds": round(arrived, 2),
            "most_standing": most,
            "standing_at_the_end": crowd.standing,
            "peak_mb": round(peak / 1024, 1),
            "refused": {name: n - refused.get(name, 0) for name, n in _refused(made).items()},
            "trip_ms_alone": alone,
            "trip_ms_among_them": probe.times(),
        }
        crowd.close()
    return found


def _refused(made: Stand) -> dict[str, float]:
    return {
        name.partition('"')[2].partition('"')[0]: value
        for name, value in metrics(made.stack).items()
        if name.startswith("gateway_pop_refused_total")
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__.splitlines()[0])
    parser.add_argument("--stalled", type=int, default=1000)
    parser.add_argument("--half-open", type=int, default=10_000)
    parser.add_argument("--networks", type=int, default=500, help="addresses the half-open ones come from")
    args = parser.parse_args()
    result: dict[str, Any] = {"setting": setting()}
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as made:
        result["half_open"] = half_open(made, args.half_open, args.networks)
        result["stalled"] = stalled(made, args.stalled)
    publish("flood", result)


if __name__ == "__main__":
    main()
