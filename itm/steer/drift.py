"""The slow-drift alarm: a place whose round trips to a POP crept away from what was usual for a fortnight.

Liars who move a value by a little each day pass every rule about single measurements. Beside a baseline that
hardly moves they show, unless the POP changed for everybody: what all its places did alike is taken off
first. An alarm is told, and holds nothing back: a new detour of a provider looks the same, and its users
should not be kept on the slower POP for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.aggregate import Aggregates
from collectors.arrays import ArrayFile
from collectors.baseline import Baselines
from collectors.cells import mix64
from collectors.errors import ArraysError
from collectors.ladder import RUNGS
from collectors.measurement import POP_ID_BYTES
from collectors.places import ASN_MASK, SQUARE_BITS, letters_of
from itm.steer.estimate import MIN_DISTINCT

log = logging.getLogger(__name__)

DRIFT_SHARE: Final = 0.15
DRIFT_MS: Final = 5.0
"""How far a place may be from what is usual, both in share and in ms. At one per cent a day it is told."""

MIN_PLACES: Final = 5
"""Places of a POP from which their median drift says what the POP itself did."""

MAX_NAMES: Final = 500_000
"""(place, POP) pairs with a baseline: 18 bytes each."""

MAX_TOLD: Final = 100
"""Alarms told at a time, the largest first."""

_PLACE: Final = RUNGS.index("place")
_DAY_SECONDS: Final = 86_400
_KIND: Final = "baselines"


@dataclass(frozen=True, slots=True)
class Drift:
    """One alarm: the round trip of a place to a POP, usual and now, in ms."""

    place: str
    pop: str
    usual_ms: float
    now_ms: float

    def as_dict(self) -> dict[str, Any]:
        """Return the alarm as JSON-ready data."""
        return asdict(self)


class DriftWatch:
    """Keeps the baselines at `path`; they survive restarts, and a damaged file begins them anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._baselines = _restored(path)
        self._told: frozenset[tuple[str, str]] = frozenset()
        self._day = -1

    def look(self, aggregates: Aggregates) -> tuple[Drift, ...]:
        """Return the alarms of now, the largest first; learn from the day, once. Raises `OSError`.

        Places count that enough networks vote in (`MIN_DISTINCT`); the value is their median vote.
        """
        chosen = (aggregates.rung == _PLACE) & (aggregates.distinct >= MIN_DISTINCT)
        chosen &= np.isfinite(aggregates.vote_rtt)
        key, pop, value = (getattr(aggregates, n)[chosen] for n in ("key", "pop", "vote_rtt"))
        names = _names(key, pop)
        drifts = self._drifts(key, pop, value, self._baselines.of(names))
        day = int(aggregates.made_at // _DAY_SECONDS)
        if day > self._day:
            self._baselines = self._baselines.after(names, value, day, MAX_NAMES)
            self._day = day
            content = ArrayFile({"kind": _KIND}, self._baselines.arrays())
            arrays.write(self._path, arrays.pack(content))
        self._tell(drifts)
        return drifts[:MAX_TOLD]

    def _drifts(
        self,
        key: npt.NDArray[np.uint64],
        pop: npt.NDArray[np.bytes_],
        value: npt.NDArray[np.float32],
        usual: npt.NDArray[np.float32],
    ) -> tuple[Drift, ...]:
        with np.errstate(invalid="ignore"):
            moved = np.log(value / usual)
        for one in np.unique(pop):
            mine = (pop == one) & np.isfinite(moved)
            if int(mine.sum()) >= MIN_PLACES:
                usual = np.where(mine, usual * np.exp(np.median(moved[mine])), usual)
        with np.errstate(invalid="ignore"):
            size = np.abs(np.log(value / usual))
            is_far = (size > np.log1p(DRIFT_SHARE)) & (np.abs(value - usual) > DRIFT_MS)
        rows = np.flatnonzero(is_far)
        return tuple(
            Drift(_place_text(int(key[r])), pop[r].decode(), float(usual[r]), float(value[r]))
            for r in rows[np.argsort(-size[rows])].tolist()
        )

    def _tell(self, drifts: Iterable[Drift]) -> None:
        now = {(one.place, one.pop): one for one in drifts}
        for name in sorted(now.keys() - self._told)[:MAX_TOLD]:
            one = now[name]
            log.warning(
                "drift.alarm",
                extra={"place": one.place, "pop": one.pop, "usual_ms": one.usual_ms, "now_ms": one.now_ms},
            )
        self._told = frozenset(now)


def _names(key: npt.NDArray[np.uint64], pop: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint64]:
    """Return one number per (place, POP)."""
    name = mix64(key)
    words = POP_ID_BYTES // 8
    parts = np.ascontiguousarray(pop.astype(f"S{POP_ID_BYTES}")).view("<u8").reshape(len(pop), words)
    for part in range(words):
        name = mix64(name ^ parts[:, part])
    return name


def _place_text(key: int) -> str:
    """Return a place's key for people: country, AS, square."""
    square = key >> 32 & (1 << SQUARE_BITS) - 1
    country = letters_of(key >> 32 + SQUARE_BITS)
    return f"{country or 'country unknown'}, AS{key & ASN_MASK}, square {square}"


def _restored(path: Path) -> Baselines:
    try:
        file = arrays.read(path)
        if file.facts.get("kind") == _KIND:
            return Baselines.of_arrays(file.arrays)
        log.warning("baselines.unusable", extra={"reason": f"{path}: not baselines"})
    except FileNotFoundError:
        pass
    except (ArraysError, KeyError) as error:
        log.warning("baselines.unusable", extra={"reason": str(error)})
    return Baselines.empty()
