"""What the predictor is worth on live data: now and then the places that measured, against what was said.

Places count as far as the decision would believe them (`Evidence`): enough networks voted, and for at least
two POPs. Told, not acted upon: a predictor that drifted goes on until a better one is trained.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from collectors import arrays
from itm.steer.estimate import MIN_DISTINCT_WIDE, MIN_SAMPLES
from itm.steer.evidence import Evidence
from itm.steer.world import World
from models.drift import DriftReport, Live, drift
from models.prior import distance_km
from models.sites import Sites

log = logging.getLogger(__name__)

FILE: Final = "drift.json"
LOOK_SECONDS: Final = 600.0


class ModelWatch:
    """Keeps the report in the state directory; a verdict that changes is logged."""

    def __init__(self, state: Path, clock: Callable[[], float]) -> None:
        self._path = state / FILE
        self._clock = clock
        self._looked_at = -float("inf")
        self._digest = ""
        self._verdict = ""

    def look(self, world: World, evidence: Evidence) -> None:
        """Judge anew if it is time or the prediction is another. A disk that refuses is told."""
        now = self._clock()
        if 0 <= now - self._looked_at < LOOK_SECONDS and world.digest == self._digest:
            return
        self._looked_at, self._digest = now, world.digest
        report = judged(world, evidence)
        self._tell(report)
        content = {"made_at": now, "predictions": world.digest, **report.as_dict()}
        try:
            arrays.write(self._path, json.dumps(content).encode())
        except OSError as error:
            log.warning("drift.unwritten", extra={"reason": str(error)})

    def _tell(self, report: DriftReport) -> None:
        if report.verdict != self._verdict and "drifted" in (report.verdict, self._verdict):
            level = logging.WARNING if report.verdict == "drifted" else logging.INFO
            log.log(level, f"model.{report.verdict.replace(' ', '_')}", extra={"reasons": report.reasons})
        self._verdict = report.verdict


def judged(world: World, evidence: Evidence) -> DriftReport:
    """Return what the world's prediction is worth by this evidence."""
    live, place = live_of(world, evidence)
    country = np.array(world.places.countries)[world.places.country[place]]
    return drift(live, *labels(world, country.tolist()))


def live_of(world: World, evidence: Evidence) -> tuple[Live, np.ndarray[Any, np.dtype[np.intp]]]:
    """Return what places measured of at least two POPs, and which places these are."""
    own = evidence.rungs["place"]
    at = np.minimum(np.searchsorted(world.places.key, own.key), len(world.places) - 1)
    m = own.measured
    usable = (m.n >= MIN_SAMPLES) & np.isfinite(m.p25) & (m.distinct >= MIN_DISTINCT_WIDE)
    row = np.flatnonzero((usable.sum(axis=1) >= 2) & (world.places.key[at] == own.key) & (own.key > 0))
    place = at[row].astype(np.intp)
    sites = Sites(
        world.places.lat[place].astype(np.float64),
        world.places.lon[place].astype(np.float64),
        np.array(world.places.countries)[world.places.country[place]],
    )
    pops = world.catalog.pops
    servers = Sites.of([p.lat for p in pops], [p.lon for p in pops], [p.country for p in pops])
    live = Live(
        rtt_ms=np.where(usable[row], m.p25[row], np.float32(np.nan)),
        said=np.asarray(world.predictions[:, world.places.cell[place], :]),
        km=distance_km(sites, servers),
        group=world.places.asn[place].astype(np.int64),
    )
    return live, place


def labels(world: World, country: Sequence[str]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """Return what POPs and places of these countries belong to, by kind."""
    pops = world.catalog.pops
    of_pop = {"pop": [p.id for p in pops], "provider": [p.provider for p in pops]}
    return of_pop, {"continent": [world.continents.get(one, "") for one in country]}
