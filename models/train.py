"""Training: a table in, a predictor out, and a refusal when it is no better than the baselines.

Knows where the data and the artifact are only as arguments; knows no POP of any catalog.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from models.artifact import Origin, Predictor, current_versions, load, save
from models.errors import ArtifactMismatch
from models.evaluate import compare, estimators, hold_out, measured, random_worlds, refuse_unless_better
from models.latency import LatencyModel
from models.score import Scores
from models.training import TrainingTable
from models.training import load as load_table

CHECK_FOLDS: Final = 3
CHECK_WORLDS: Final = 50
"""The quick check before an artifact is written: one shuffle of three folds, 50 random worlds."""

Clock = Callable[[], float]


def data_digest(table: TrainingTable, continents: Mapping[str, str]) -> str:
    """Return what an artifact must have been trained with: the table, the geography, the parameters."""
    geography = ",".join(f"{country}={continents[country]}" for country in sorted(continents))
    parameters = repr(sorted(LatencyModel().get_params().items()))
    return hashlib.sha256("\n".join((table.digest, geography, parameters)).encode()).hexdigest()


def check(table: TrainingTable, continents: Mapping[str, str]) -> Scores:
    """Return the scores of the quick check. Raises `ModelRefused` when a baseline is as good."""
    held_out, _ = hold_out(table, continents, estimators(), CHECK_FOLDS)
    scores = compare(table, [held_out], random_worlds(table, CHECK_WORLDS))
    refuse_unless_better(scores)
    return scores


def train(table: TrainingTable, continents: Mapping[str, str], *, clock: Clock = time.time) -> Predictor:
    """Return a predictor trained on the whole table, unchecked."""
    origin = Origin(data_digest(table, continents), clock(), current_versions())
    return Predictor.of(LatencyModel().fit(measured(table, continents)), dict(continents), origin)


def load_or_train(
    training_dir: Path,
    artifact: Path,
    continents: Mapping[str, str],
    *,
    clock: Clock = time.time,
) -> Predictor:
    """Return the predictor saved at `artifact`, or check, train and save one from `training_dir`.

    `continents` maps ISO country codes to continent codes. Trains when there is no artifact or when it
    was trained with other data or libraries. Raises `TrainingError` and `ModelRefused`.
    """
    table = load_table(training_dir)
    try:
        return load(artifact, data_digest(table, continents))
    except (FileNotFoundError, ArtifactMismatch):
        check(table, continents)
        predictor = train(table, continents, clock=clock)
        save(predictor, artifact)
        return predictor
