"""The trainer: a child of the builder that tries another training table, at the lowest priority, and ends.

Trains a candidate, judges it beside the present predictor (`models/retrain.py`), and makes the predictions
that a builder would have to wait for. Replaces nothing: it leaves a verdict, and a candidate if accepted.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from itm import priority
from itm.config import Config
from itm.steer.givens import Givens
from itm.steer.modelwatch import live_at
from itm.steer.predict import predict_cells
from itm.steer.trialfiles import FOLDER, TrialFiles
from models import artifact
from models.artifact import Predictor
from models.drift import Live
from models.retrain import candidate_of
from models.training import load

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Try the table that the builder laid out. Raises `ItmError`, `ModelError`, `OSError` if it cannot."""
    priority.yield_to_all()
    files = TrialFiles(config.state_dir / FOLDER, Path(config.model.training))
    files.write(files.verdict, tried(files, Givens.open(config), config.state_dir / "predictions"))


def tried(files: TrialFiles, givens: Givens, predictions: Path) -> dict[str, Any]:
    """Return the verdict; an accepted candidate stands in its file, its predictions in that folder."""
    measured, places = files.live(), givens.places
    live = givens.live_catalog()
    pops = live[0].pops if live is not None else ()
    column = [measured.pops.index(pop.id) for pop in pops if pop.id in measured.pops]
    known = [at for at, pop in enumerate(pops) if pop.id in measured.pops]
    at = np.minimum(np.searchsorted(places.key, measured.place), len(places) - 1)
    here = np.flatnonzero(places.key[at] == measured.place)
    place, rtt_ms = at[here].astype(np.intp), measured.rtt_ms[here][:, column]

    def live_by(predictor: Predictor) -> Live:
        grid = predict_cells(predictor, places, pops, predictions)
        return live_at(places, [pops[i] for i in known], grid[:, :, known], place, rtt_ms)

    reference, fresh = load(files.in_use), load(files.fresh)
    trial, candidate = candidate_of(reference, fresh, givens.continents, live_by, givens.predictor)
    if candidate is not None:
        predict_cells(candidate, places, pops, predictions)
        artifact.save(candidate, files.candidate)
    log.info("model.tried", extra={"accepted": trial.is_accepted, "reasons": list(trial.reasons)})
    return {"accepted": trial.is_accepted, **trial.as_dict()}
