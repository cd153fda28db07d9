"""The two ends of the bus, for a test to kill: `python -m tests.e2e.collecting collector|builder FOLDER`.

The real collector on the real journal, the real learner with its windows and checkpoints, between them the
real socket; a place table small enough to load at once, and a half-life so long that weights are counts.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from collectors.aggregate import aggregate
from collectors.collector import Collector, Ground
from collectors.guard import Guard, PopSites
from collectors.ladder import RUNGS, Ladder
from collectors.localbus import FILE, LocalReceiver, LocalSender
from collectors.outbox import Outbox
from itm.config import Collect, Config
from itm.steer.learner import Learner
from tests.itm.steer.worlds import CONTINENTS, places

CAP = 20
HALF_LIFE_HOURS = 1e12
POPS = ("pop-a", "pop-b")


def collect(folder: Path) -> None:
    """Collect for ever."""
    ground = Ground(Ladder(places(), CONTINENTS), PopSites.of(POPS, [float("nan")] * 2, [float("nan")] * 2))
    collector = Collector(
        "one",
        folder / "journal",
        Outbox(folder / "collector"),
        lambda: Guard(CAP),
        LocalSender(folder / FILE),
        half_life_seconds=HALF_LIFE_HOURS * 3600,
        delta_seconds=0.02,
    )
    while True:
        collector.step(lambda: ground)
        time.sleep(0.005)


def build(folder: Path) -> None:
    """Count for ever, make it durable now and then, and tell what is counted."""
    config = Config(state=str(folder), collect=Collect(half_life_hours=HALF_LIFE_HOURS))
    learner = Learner(config, LocalReceiver(folder / FILE), time.time)
    rng = random.Random()
    while True:
        learner.read()
        if rng.random() < 0.1:
            learner.checkpoint()
        tell(folder, learner)
        time.sleep(0.005)


def tell(folder: Path, learner: Learner) -> None:
    """Write the number of measurements that the windows hold of each POP, from everywhere."""
    known = aggregate(learner._windows).select(RUNGS.index("world"))
    counts = {pop.decode(): float(n) for pop, n in zip(known.pop, known.n, strict=True)}
    partial = folder / "counts.tmp"
    partial.write_text(json.dumps(counts))
    partial.replace(folder / "counts.json")


if __name__ == "__main__":
    {"collector": collect, "builder": build}[sys.argv[1]](Path(sys.argv[2]))
