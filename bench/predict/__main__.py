"""`python -m bench.predict [--places N] [--pops N]`: training, and a prediction for every place of the world.

Trains on the shipped table as a first start does, then predicts three quantiles from random places around the
measured ones to POPs. Seconds of CPU of this process, which is what a quiet clock shows with one thread.
The limits are what the predictor may cost: 5 minutes on two cores, and two minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bench.report import publish, setting
from collectors.geography import continents
from itm.config import Config
from models.artifact import Predictor
from models.sites import Sites
from models.train import check, train
from models.training import TrainingTable, load

TRAINING_SECONDS = 600.0
PREDICTION_SECONDS = 120.0

Made = TypeVar("Made")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.predict", description=__doc__)
    parser.add_argument("--places", type=int, default=230_000)
    parser.add_argument("--pops", type=int, default=30)
    arguments = parser.parse_args()
    publish("predict", measure(arguments.places, arguments.pops))


def measure(places: int, pops: int) -> dict[str, Any]:
    """Return CPU seconds beside their limits."""
    table = load(Path(Config().model.training))
    _, checking = _timed(lambda: check(table, continents()))
    predictor, training = _timed(lambda: train(table, continents()))
    clients, servers = _around(table, places), table.sites.take(np.flatnonzero(table.is_server)[:pops])
    _, all_at_once = _timed(lambda: predictor.predict(clients, servers))
    _, alone = _timed(lambda: [_one(predictor, clients, servers, row) for row in range(100)])
    return {
        "setting": setting(load_average=os.getloadavg()[0]),
        "places": places, "pops": len(servers),
        "cpu_seconds": {
            "check": round(checking, 2), "training": round(training, 2), "prediction": round(all_at_once, 2),
        },
        "limit_seconds": {"training": TRAINING_SECONDS, "prediction": PREDICTION_SECONDS},
        "one_place_ms": round(alone * 10, 2),
        "held": training <= TRAINING_SECONDS and all_at_once <= PREDICTION_SECONDS,
    }  # fmt: skip


def _around(table: TrainingTable, count: int) -> Sites:
    """Return places a few hundred km around measured ones."""
    random = np.random.default_rng(0)
    near = table.sites.take(random.integers(0, len(table), count))
    lat = np.clip(near.lat + random.normal(0, 3, count), -89, 89)
    return Sites(lat, near.lon + random.normal(0, 3, count), near.country)


def _one(predictor: Predictor, clients: Sites, servers: Sites, row: int) -> None:
    predictor.predict(clients.take(slice(row, row + 1)), servers)


def _timed(make: Callable[[], Made]) -> tuple[Made, float]:
    begun = time.process_time()
    made = make()
    return made, time.process_time() - begun


if __name__ == "__main__":
    main()
