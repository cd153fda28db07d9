"""`python -m bench.build [--rounds N] [--networks N]`: a full build, an incremental one, and the map on disk.

The world is the shipped place table and 30 POPs. The full build decides every place, as a first start does;
the incremental one follows it with so many measured networks, as every interval does; the crowded one too,
where POPs' rooms are 70 % full in all and some would be overrun. Times are of this
process's CPU, which is what a quiet machine's clock shows, and of the clock.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench.build.world import SESSIONS, measured, with_rooms, world
from bench.report import publish, setting, spread
from itm.config import Config
from itm.routemap import snapshot
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild, build_class
from itm.steer.cycle import Knowledge, build_all
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.resolvers import Resolvers
from itm.steer.world import World

LIMITS = Limits(candidates=4, max_moved_share=1.0, loss_ms=Config().builder.scope_loss_ms)

Made = TypeVar("Made")


class Times(NamedTuple):
    """Seconds of one stage, round by round."""

    cpu: list[float]
    wall: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.build", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", type=int, default=20_000, help="that have measured")
    arguments = parser.parse_args()
    publish("build", measure(arguments.rounds, arguments.networks))


def measure(rounds: int, networks: int) -> dict[str, Any]:
    """Return the numbers by name; seconds as median, least and most."""
    one = world()
    _ = one.common_score, one.ladder  # made once per world, not per build
    aggregates = measured(one, networks)
    evidence = Evidence.of_world(aggregates, one)
    times = {name: Times([], []) for name in ("full", "incremental", "crowded", "snapshot")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map"
        for _ in range(rounds):
            first = _timed(times["full"], partial(_build, one, Evidence.nothing(len(one.pops))))
            second = _timed(times["incremental"], partial(_build, one, evidence, first))
            tight = with_rooms(one, list(second.plan.load.values()))
            third = _crowded(tight, evidence, (second,))
            fourth = _timed(times["crowded"], partial(_crowded, tight, evidence, third))
            _timed(times["snapshot"], partial(snapshot.write, routemap_of(one, [second], 2, 0.0), path))
        size = path.stat().st_size
    return {
        "setting": setting(load_average=os.getloadavg()[0], rounds=rounds),
        "places": len(one.places), "pops": len(one.pops), "networks_measured": networks,
        "rows_decided_again": int(second.touched.sum()), "rows_granted": len(fourth[0].granted.key),
        "cpu_seconds": {name: spread(each.cpu) for name, each in times.items()},
        "wall_seconds": {name: spread(each.wall) for name, each in times.items()},
        "snapshot_mb": round(size / 1e6, 1),
    }  # fmt: skip


def _build(of: World, evidence: Evidence, last: ClassBuild | None = None) -> ClassBuild:
    (steering,) = of.classes
    return build_class(of, evidence, steering, last.after if last else Memory.nothing(), LIMITS, last)


def _crowded(of: World, evidence: Evidence, last: tuple[ClassBuild, ...]) -> tuple[ClassBuild, ...]:
    resolvers = Resolvers.of(of, evidence, Behind.nothing())
    knowledge = Knowledge(evidence, resolvers, planned_sessions=SESSIONS)
    return build_all(of, knowledge, [one.after for one in last], LIMITS, last)


def _timed(into: Times, make: Callable[[], Made]) -> Made:
    wall, cpu = time.perf_counter(), time.process_time()
    made = make()
    into.cpu.append(time.process_time() - cpu)
    into.wall.append(time.perf_counter() - wall)
    return made


if __name__ == "__main__":
    main()
