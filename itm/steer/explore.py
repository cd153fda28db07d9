"""What is worth measuring: World + Aggregates + Evidence -> `Exploration`, and its files for the edge.

Only POPs that browsers can measure are in it. Cells without measurements have the prediction; measured
places and networks what the decision believes of them, and how many measurements stand behind it: failed
fetches too, so that a POP which nobody reaches does not look unexplored for ever.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays, placeruns
from collectors.aggregate import Aggregates
from collectors.errors import ArraysError
from collectors.ladder import RUNGS
from collectors.rum import exploration
from collectors.rum.exploration import NO_POP, Exploration
from collectors.rum.plan import TOP
from itm.steer.evidence import Evidence, Keys
from itm.steer.world import Floats, World

log = logging.getLogger(__name__)

TABLE_FILE: Final = "exploration.itm"
RUNS_FILE: Final = "placeruns.itm"

MOST_NETWORKS: Final = 100_000
"""Networks with a row of their own, the most measured ones: 8 MB."""

CHUNK: Final = 8192  # rows estimated at once: bounds the temporary arrays

_HALF: Final = 60_000.0  # a half-precision number ends at 65,504

_Row = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]


def explore(world: World, aggregates: Aggregates, evidence: Evidence) -> Exploration:
    """Return the table of one build."""
    probed = np.array([i for i, pop in enumerate(world.catalog.pops) if pop.probe_url], dtype=np.intp)
    cells = world.predictions[:, :, probed]
    nothing = np.zeros(cells.shape[1:], dtype=np.float32)
    rows = [_nearest(cells[1], cells[2] - cells[0], nothing)]
    place_row = world.places.cell.astype(np.uint32)
    measured = _Measured(world, aggregates, evidence, probed)
    place, known = measured.places()
    place_row[place] = len(nothing) + np.arange(len(place), dtype=np.uint32)
    place_key = world.places.key[place]
    none = np.zeros_like(place_key)
    drawn = {"place": place_key, "prefix": none, "network": none, **world.ladder.wide_keys(place)}
    rows += measured.rows(place, drawn, known)
    network_key, known = measured.networks()
    place, keys = measured.located(network_key)
    rows += measured.rows(place, keys, known)
    near, ms, spread, counted = (np.concatenate(column) for column in zip(*rows, strict=True))
    pops = tuple(world.pops[i] for i in probed)
    return Exploration(
        world.places.digest, pops, near, ms, spread, counted, place_row, network_key.astype(np.uint64)
    )


class _Measured:
    """The measured places and networks of one build; columns are the POPs `probed`."""

    def __init__(
        self, world: World, aggregates: Aggregates, evidence: Evidence, probed: npt.NDArray[np.intp]
    ) -> None:
        self._world = world
        self._aggregates = aggregates
        self._evidence = evidence
        self._probed = probed

    def places(self) -> tuple[npt.NDArray[np.intp], Floats]:
        """Return the places with measurements, and how many there are of each POP."""
        key, known = self._counted("place")
        at = np.minimum(np.searchsorted(self._world.places.key, key), len(self._world.places) - 1)
        is_there = self._world.places.key[at] == key  # a key of an earlier edition may be nowhere in this one
        return at[is_there].astype(np.intp), known[is_there]

    def networks(self) -> tuple[Keys, Floats]:
        """Return the keys of the most measured networks, and how many measurements there are of each POP."""
        key, known = self._counted("network")
        if len(key) > MOST_NETWORKS:
            heaviest = np.sort(np.argpartition(-known.sum(axis=1), MOST_NETWORKS)[:MOST_NETWORKS])
            key, known = key[heaviest], known[heaviest]
        return key, known

    def located(self, network_key: Keys) -> tuple[npt.NDArray[np.intp], dict[str, Keys]]:
        """Return the place of each network, and its keys on every deciding rung."""
        family = (network_key >> np.uint64(60)).astype(np.uint8)
        keys = self._world.ladder.keys(family, network_key & np.uint64((1 << 48) - 1))
        place_key = keys[:, RUNGS.index("place")]
        place = np.searchsorted(self._world.places.key, place_key).astype(np.intp)
        return place, {rung: keys[:, RUNGS.index(rung)] for rung in self._evidence.drawn}

    def rows(self, place: npt.NDArray[np.intp], keys: dict[str, Keys], known: Floats) -> list[_Row]:
        """Return the rows of places or networks with these keys, in parts."""
        found = []
        for begin in range(0, len(place), CHUNK):
            part = slice(begin, begin + CHUNK)
            prediction = self._world.predictions[:, self._world.places.cell[place[part]], :]
            estimate = self._evidence.estimate(prediction, {rung: key[part] for rung, key in keys.items()})
            ms, spread = (a[:, self._probed] for a in (estimate.rtt, estimate.high - estimate.low))
            found.append(_nearest(ms, spread, known[part]))
        return found

    def _counted(self, rung: str) -> tuple[Keys, Floats]:
        """Return the sorted keys of a rung, and (keys, POPs) how many measurements there are of each."""
        own = self._aggregates.select(RUNGS.index(rung))
        names = np.array([self._world.pops[i].encode() for i in self._probed], dtype=own.pop.dtype)
        if not len(names):
            return np.zeros(0, np.uint64), np.zeros((0, 0), np.float32)
        order = np.argsort(names)
        at = np.minimum(np.searchsorted(names[order], own.pop), len(names) - 1)
        column = order[at]
        is_known = names[column] == own.pop
        key, row = np.unique(own.key[is_known], return_inverse=True)
        counted = np.zeros((len(key), len(names)), dtype=np.float32)
        counted[row, column[is_known]] = np.maximum(own.n, own.availability_n)[is_known]
        return key, counted


def _nearest(ms: Floats, spread: Floats, known: Floats) -> _Row:
    """Return the nearest POPs of each row with their numbers, closest first, as the table keeps them."""
    order = np.argsort(ms, axis=1, kind="stable")[:, :TOP]
    near = np.full((len(ms), TOP), NO_POP, dtype=np.uint16)
    near[:, : order.shape[1]] = order
    numbers = []
    for values in (ms, spread, known):
        column = np.zeros((len(ms), TOP), dtype=np.float16)
        column[:, : order.shape[1]] = np.minimum(np.take_along_axis(values, order, axis=1), _HALF)
        numbers.append(column)
    return near, numbers[0], numbers[1], numbers[2]


class ExplorationFiles:
    """Writes the table of each build, and the runs of each place table once, into the state directory."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._runs_of = _runs_left(state / RUNS_FILE)
        self._last = b""

    def write(self, world: World, aggregates: Aggregates, evidence: Evidence) -> None:
        """Bring both files up to date. A disk that refuses is told: plans go on by the table before."""
        try:
            if self._runs_of != world.places.digest:
                placeruns.save(world.places, self._state / RUNS_FILE)
                self._runs_of = world.places.digest
            packed = exploration.pack(explore(world, aggregates, evidence))
            if packed != self._last:
                arrays.write(self._state / TABLE_FILE, packed)
                self._last = packed
        except OSError as error:
            log.warning("exploration.unwritten", extra={"reason": str(error)})


def _runs_left(path: Path) -> str:
    """Return the digest of the places that the builder before wrote, "" for none."""
    try:
        return placeruns.load(path).digest
    except (ArraysError, OSError):
        return ""
