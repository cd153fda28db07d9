"""`python -m bench.simulate [--networks N] [--hours H]`: a day of 100,000 networks, and where its time goes.

The POP of the scenario `pop-down` dies after ten minutes and comes back; the rest of the day is quiet. One
process on one core: CPU time is what a quiet machine's clock shows. The limit is ten minutes.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

from bench.report import publish, setting, spread
from itm.simulate.faults.ground import ground, recordings
from itm.simulate.faults.run import Run
from itm.simulate.faults.scenarios.pop_down import SCENARIO
from itm.simulate.faults.strategy import STRATEGIES

LIMIT_SECONDS = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    parser.add_argument("--networks", type=int, default=115_000, help="asked for; some places are too small")
    parser.add_argument("--hours", type=float, default=24.0)
    arguments = parser.parse_args()
    publish("simulate", measure(arguments.networks, arguments.hours))


def measure(networks: int, hours: float) -> dict[str, Any]:
    """Return the numbers by name; seconds of CPU, of all and of single build cycles."""
    started = time.process_time()
    known = recordings()
    run = Run(SCENARIO.lasting(hours * 60), ground(known, networks, 0), 0)
    cycles: list[float] = []
    build = run.server.build

    def timed(now: float) -> None:
        begun = time.process_time()
        build(now)
        cycles.append(time.process_time() - begun)

    run.server.build = timed  # type: ignore[method-assign]
    outcome = run.play()
    cpu = time.process_time() - started
    return {
        "setting": setting(),
        "networks": outcome.networks,
        "hours": hours,
        "builds": len(cycles),
        "cpu_seconds": round(cpu, 1),
        "limit_seconds": LIMIT_SECONDS,
        "share_of_limit": round(cpu / LIMIT_SECONDS, 3),
        "build_cpu_seconds": spread(cycles),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "regret_ms": {name: round(outcome.regret_ms(name), 2) for name in STRATEGIES},
    }


if __name__ == "__main__":
    main()
