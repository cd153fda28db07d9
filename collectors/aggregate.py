"""Aggregates: what the windows say now, frozen, one row per (rung, key, POP).

This is all that later stages know of measurements. Rows are sorted by rung, key and POP id. `save` and `load`
turn them into bytes and back, so that a decision can be run again on the very inputs it was made of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.celltable import CellTable
from collectors.errors import ArraysError
from collectors.gather import VOTES_PER_BIN
from collectors.histogram import value_between
from collectors.measurement import METRICS, POP_ID_BYTES
from collectors.orderstatistics import quartile_shares
from collectors.window import Windows

_KIND: Final = "aggregates 4"
_NAN: Final = np.float32(np.nan)
_OPEN: Final = np.array([[0.0], [np.inf]], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates:
    """One row per (rung, key, POP) that has records of at least one metric; all arrays of one length.

    Quantiles are those of `histogram.quantiles`: inverted distribution function over the decayed weights,
    relative error at most 5 %, NaN where the metric has no records.
    """

    rung: npt.NDArray[np.uint8]  # column of the ladder, 0 = network
    key: npt.NDArray[np.uint64]
    pop: npt.NDArray[np.bytes_]  # S32
    n: npt.NDArray[np.float32]  # decayed number of rtt_ms records
    distinct: npt.NDArray[
        np.int32
    ]  # voters behind `n`, or behind availability if n is 0: clients on rung 0, else networks, then ASes
    age_seconds: npt.NDArray[np.float32]  # since the newest record of any metric
    p25: npt.NDArray[np.float32]  # rtt_ms
    p50: npt.NDArray[np.float32]
    p75: npt.NDArray[np.float32]
    p25_low: npt.NDArray[np.float32]  # between which the sample leaves p25; 0 and infinite where it is open
    p25_high: npt.NDArray[np.float32]
    availability: npt.NDArray[np.float32]  # share of successes; NaN when nothing is known
    availability_n: npt.NDArray[np.float32]  # decayed number of availability records
    availability_distinct: npt.NDArray[np.int32]  # voters behind them
    connect_p50: npt.NDArray[np.float32]  # connect_ms
    throughput_p50: npt.NDArray[np.float32]  # throughput_kbps
    vote_rtt: npt.NDArray[np.float32]  # rtt_ms in the middle of all voters, one vote each
    vote_rtt_low: npt.NDArray[np.float32]  # between which the sample of voters leaves that middle
    vote_rtt_high: npt.NDArray[np.float32]
    vote_rtt_upper: npt.NDArray[np.float32]  # the highest vote that a tenth of liars does not make
    vote_availability: npt.NDArray[np.float32]  # the middle of the voters' shares of successes
    vote_availability_high: npt.NDArray[np.float32]  # the most that the sample leaves it
    made_at: float = 0.0  # seconds since the epoch

    def __len__(self) -> int:
        return len(self.key)

    def select(self, rung: int) -> Aggregates:
        """Return the rows of one rung (a column number of the ladder), as views."""
        first, end = np.searchsorted(self.rung, [rung, rung + 1])
        cut = {name: getattr(self, name)[first:end] for name in _COLUMNS}
        return Aggregates(**cut, made_at=self.made_at)


_VOTES: Final = ("vote_rtt", "vote_rtt_low", "vote_rtt_high", "vote_rtt_upper")
_COLUMNS: Final = tuple(field.name for field in fields(Aggregates) if field.name != "made_at")


def aggregate(windows: Windows, clock: Callable[[], float] = time.time) -> Aggregates:
    """Return what the windows hold, as of their last `decay`; ages are counted to the clock's now."""
    now = clock()
    values, outcomes = windows.values, windows.outcomes
    groups = _Groups.of(windows)
    mine = slice(0, len(values))
    own, theirs = groups.row[mine], groups.row[len(values) :]
    columns: dict[str, npt.NDArray[Any]] = {"rung": groups.rung, "key": groups.key, "pop": groups.pop}
    size = len(groups.key)

    total = outcomes.weights()
    columns["availability_n"] = _placed(size, theirs, total, np.float32(0))
    columns["availability"] = _placed(size, theirs, outcomes.weights(1) / np.maximum(total, 1e-9), _NAN)
    newest = np.zeros(size)
    np.maximum.at(newest, groups.row, np.concatenate([values.column("newest"), outcomes.column("newest")]))
    columns["age_seconds"] = np.maximum(now - newest, 0).astype(np.float32)

    is_rtt = values.column("metric") == METRICS.index("rtt_ms")
    rtt = own[is_rtt]
    columns["n"] = _placed(size, rtt, values.weights()[is_rtt], np.float32(0))
    quartiles = values.quantiles((0.25, 0.5, 0.75))
    for name, column in zip(("p25", "p50", "p75"), quartiles, strict=True):
        columns[name] = _placed(size, rtt, column[is_rtt], _NAN)
    for name, column in zip(("p25_low", "p25_high"), _quartile_ends(values, is_rtt), strict=True):
        columns[name] = _placed(size, rtt, column, _NAN)
    for name, metric in (("connect_p50", "connect_ms"), ("throughput_p50", "throughput_kbps")):
        chosen = values.column("metric") == METRICS.index(metric)
        columns[name] = _placed(size, own[chosen], quartiles[1][chosen], _NAN)
    votes = values.votes()[:, is_rtt]
    for name, column in zip(_VOTES, votes, strict=True):
        columns[name] = _placed(size, rtt, value_between(column), _NAN)
    reached, _, most, _ = outcomes.votes() / np.float32(VOTES_PER_BIN["outcomes"])
    columns["vote_availability"] = _placed(size, theirs, reached, _NAN)
    columns["vote_availability_high"] = _placed(size, theirs, most, _NAN)
    columns["availability_distinct"] = _placed(size, theirs, outcomes.clients(), np.int32(0))
    columns["distinct"] = _placed(size, theirs, outcomes.clients(), np.int32(0))
    columns["distinct"][rtt] = values.clients()[is_rtt]
    return Aggregates(**columns, made_at=now)


def _quartile_ends(values: CellTable, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return between which values each chosen cell's records leave its lower quartile, (2, cells)."""
    shares = quartile_shares(values.weights())
    found = values.quantiles(np.nan_to_num(shares, nan=1.0))
    ends: npt.NDArray[np.float32] = np.where(np.isnan(shares), _OPEN, found)[:, chosen]
    return ends


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The cells of both tables, values first, grouped by (rung, key, POP): `row` is each cell's group."""

    rung: npt.NDArray[np.uint8]
    key: npt.NDArray[np.uint64]
    pop: npt.NDArray[np.bytes_]
    row: npt.NDArray[np.int64]

    @classmethod
    def of(cls, windows: Windows) -> _Groups:
        tables = (windows.values, windows.outcomes)
        rung, key, number = (np.concatenate([t.column(c) for t in tables]) for c in ("rung", "key", "pop"))
        by_name = np.argsort(windows.pops)
        place = np.empty(len(by_name), np.int64)
        place[by_name] = np.arange(len(by_name))
        pop = place[number]  # POPs in the order of their ids
        order = np.lexsort((pop, key, rung))
        is_first = np.ones(len(order), np.bool_)
        same = [(column[order][1:] == column[order][:-1]) for column in (rung, key, pop)]
        is_first[1:] = ~np.logical_and.reduce(same)
        row = np.empty(len(order), np.int64)
        row[order] = np.cumsum(is_first) - 1
        first = order[is_first]
        ids = windows.pops[by_name].astype(f"S{POP_ID_BYTES}")
        return cls(rung[first], key[first], ids[pop[first]], row)


def _placed(
    size: int, rows: npt.NDArray[np.int64], values: npt.NDArray[Any], missing: np.float32 | np.int32
) -> npt.NDArray[Any]:
    """Return `size` values: those given at their rows, `missing` elsewhere."""
    column = np.full(size, missing)
    column[rows] = values
    return column


def empty(made_at: float = 0.0) -> Aggregates:
    """Return aggregates of nothing."""
    return aggregate(Windows(max_cells=1, clock=lambda: made_at), clock=lambda: made_at)


def save(aggregates: Aggregates) -> bytes:
    """Return the aggregates as bytes (layout: `arrays.py`); the same aggregates give the same bytes."""
    columns = {name: getattr(aggregates, name) for name in _COLUMNS}
    return arrays.pack(arrays.ArrayFile({"kind": _KIND, "made_at": aggregates.made_at}, columns))


def load(data: bytes) -> Aggregates:
    """Return the aggregates that `save` gave as bytes; arrays are read-only. Raises `ArraysError`."""
    file = arrays.unpack(data)
    if file.facts.get("kind") != _KIND or set(file.arrays) != set(_COLUMNS):
        raise ArraysError("not aggregates of this version")
    return Aggregates(**file.arrays, made_at=file.facts["made_at"])
