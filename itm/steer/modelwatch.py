"""What the predictor is worth on live data: now and then the places that measured, against what was said.

Places count as far as the decision would believe them (`Evidence`): enough networks voted, and for at least
two POPs. Told, not acted upon: a predictor that drifted goes on until a better one is trained.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.places import PlaceTable
from itm.catalog.types import Pop
from itm.steer.estimate import MIN_DISTINCT_WIDE, MIN_SAMPLES
from itm.steer.evidence import Evidence
from itm.steer.world import Floats, World
from models.drift import DriftReport, Live, drift
from models.prior import distance_km
from models.sites import Sites

log = logging.getLogger(__name__)

FILE: Final = "drift.json"
LOOK_SECONDS: Final = 600.0

Rows = npt.NDArray[np.intp]


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


def live_of(world: World, evidence: Evidence) -> tuple[Live, Rows]:
    """Return what places measured of at least two POPs, and which places these are."""
    place, rtt_ms = measured_places(world, evidence)
    return live_at(world.places, world.catalog.pops, world.predictions, place, rtt_ms), place


def measured_places(world: World, evidence: Evidence) -> tuple[Rows, Floats]:
    """Return the places that measured at least two POPs, and their round trips, `(n, POPs)` ms or NaN."""
    own = evidence.rungs["place"]
    at = np.minimum(np.searchsorted(world.places.key, own.key), len(world.places) - 1)
    m = own.measured
    usable = (m.n >= MIN_SAMPLES) & np.isfinite(m.p25) & (m.distinct >= MIN_DISTINCT_WIDE)
    row = np.flatnonzero((usable.sum(axis=1) >= 2) & (world.places.key[at] == own.key) & (own.key > 0))
    return at[row].astype(np.intp), np.where(usable[row], m.p25[row], np.float32(np.nan))


def live_at(
    places: PlaceTable, pops: Sequence[Pop], predictions: Floats, place: Rows, rtt_ms: Floats
) -> Live:
    """Return round trips of places to POPs beside what is predicted for their cells, `(3, cells, POPs)`."""
    sites = Sites(
        places.lat[place].astype(np.float64),
        places.lon[place].astype(np.float64),
        np.array(places.countries)[places.country[place]],
    )
    servers = Sites.of([p.lat for p in pops], [p.lon for p in pops], [p.country for p in pops])
    return Live(
        rtt_ms=rtt_ms,
        said=np.asarray(predictions[:, places.cell[place], :]),
        km=distance_km(sites, servers),
        group=places.asn[place].astype(np.int64),
    )


def labels(world: World, country: Sequence[str]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """Return what POPs and places of these countries belong to, by kind."""
    pops = world.catalog.pops
    of_pop = {"pop": [p.id for p in pops], "provider": [p.provider for p in pops]}
    return of_pop, {"continent": [world.continents.get(one, "") for one in country]}
