"""Records in, cells out: one batch of measurements counted on every rung of its networks' ladders.

Records come with the keys of their network's rungs (`Ladder.keys`, handed in by the caller); each counts in
one cell per known rung. Weights halve every half-life by the record's own time, and are stated as of the
moment of gathering: a record that arrives late weighs what it would weigh then had it come in time. Pure;
knows no places, no journal and no windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import distinct
from collectors.cells import VOTERS, Cells, hash_of, mix64
from collectors.clienthash import era_of
from collectors.histogram import BINS, bin_of
from collectors.ladder import RUNGS
from collectors.measurement import COARSE, METRICS, POP_ID_BYTES

AVAILABILITY: Final = METRICS.index("availability")
RTT: Final = METRICS.index("rtt_ms")

COARSE_WEIGHT: Final = 0.5
"""A coarse timer's record counts half: its error is of the size of what we decide on."""

KEEP_HALF_LIVES: Final = 4.0
"""A record older than this is not taken: its cell would be forgotten at once."""

WIDTHS: Final = {"values": BINS, "outcomes": 2}
"""The two kinds of cells, and how many bins each may have."""

VOTES_PER_BIN: Final = {kind: distinct.MAX_VOTE // (width - 1) for kind, width in WIDTHS.items()}
"""A vote is a bin, spread over what a vote can say."""

_AS: Final = RUNGS.index("as")
_DAY_SECONDS: Final = 86_400

Ids = npt.NDArray[np.bytes_]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Cells of records that were measured until `at`; their weights are those of that moment.

    `values`: rtt_ms, connect_ms and throughput_kbps, bins as in `histogram.py`. `outcomes`: availability,
    bin 0 counts failures and bin 1 successes. `pops` are the POP ids that the cells number.
    """

    at: float
    pops: Ids
    values: Cells
    outcomes: Cells
    counted: int
    late: int

    def of_networks(self, since: float) -> Gathered:
        """Return the round trips that clients of networks still measured `since` then.

        Of networks alone, and without what nobody in particular measured: a feed that names networks is one
        voice, whatever it says of how many.
        """
        is_own = (self.values.rung == 0) & (self.values.metric == RTT) & (self.values.newest >= since)
        is_own &= self.values.era != 0
        return replace(self, values=self.values.take(is_own), outcomes=Cells.nothing())


def gather(
    records: npt.NDArray[np.void],
    rung_keys: Keys,
    now: float,
    half_life_seconds: float,
    own_only: npt.NDArray[np.bool_] | None = None,
) -> Gathered:
    """Return what records (dtype `RECORD`, values as the guard lets them through) say.

    `rung_keys` (records, rungs): finest rung first, the world last; key 0 on any rung but the last means
    that the rung is not known and learns nothing. Records marked in `own_only` count on the finest rung
    alone. Times in the future are taken as `now`.
    """
    is_known = _known(rung_keys, own_only)
    is_kept = records["time"] >= now - KEEP_HALF_LIVES * half_life_seconds
    late = int((~is_kept).sum())
    if late:
        records, rung_keys, is_known = records[is_kept], rung_keys[is_kept], is_known[is_kept]
    pops, pop = np.unique(records["pop"], return_inverse=True)
    entries = _entries(records, rung_keys, is_known, pop, now, half_life_seconds)
    is_outcome = (records["metric"] == AVAILABILITY)[entries.row]
    outcomes = _cells(entries.take(is_outcome), VOTES_PER_BIN["outcomes"])
    values = _cells(entries.take(~is_outcome), VOTES_PER_BIN["values"])
    return Gathered(now, pops.astype(f"S{POP_ID_BYTES}"), values, outcomes, len(records), late)


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """One row for each record and rung that it counts on."""

    row: npt.NDArray[np.int64]  # which record
    rung: npt.NDArray[np.uint8]
    metric: npt.NDArray[np.uint8]
    pop: npt.NDArray[np.uint16]
    key: Keys
    bin: npt.NDArray[np.uint8]
    weight: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]
    who: npt.NDArray[np.uint32]  # hash of the client, or of the network or AS on coarser rungs
    rank: npt.NDArray[np.uint32]  # the lowest speaks for its network or AS
    era: npt.NDArray[np.uint8]  # the key of the client's hash; 0 for a client not known and on coarser rungs

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> _Entries:
        return _Entries(*(getattr(self, name)[chosen] for name in self.__slots__))


def _entries(
    records: npt.NDArray[np.void],
    rung_keys: Keys,
    is_known: npt.NDArray[np.bool_],
    pop: npt.NDArray[np.int64],
    now: float,
    half_life_seconds: float,
) -> _Entries:
    moment = np.minimum(records["time"], now)
    weight = np.exp2((moment - now) / half_life_seconds)
    weight[records["flags"] & COARSE != 0] *= COARSE_WEIGHT
    is_outcome = records["metric"] == AVAILABILITY
    bin_ = np.where(is_outcome, records["value"] >= 0.5, bin_of(records["value"])).astype(np.uint8)
    row, rung = np.nonzero(is_known)
    return _Entries(
        row,
        rung.astype(np.uint8),
        records["metric"][row],
        pop.astype(np.uint16)[row],
        rung_keys[row, rung],
        bin_[row],
        weight[row],
        moment[row],
        _who(records, rung_keys, row, rung),
        _rank(records)[row],
        np.where(rung == 0, era_of(records["client"])[row], np.uint8(0)),
    )


def _cells(entries: _Entries, votes_per_bin: int) -> Cells:
    """Return the cells that the entries make, ordered by the hash of their names."""
    if not len(entries.row):
        return Cells.nothing()
    order = np.argsort(hash_of(entries.rung, entries.metric, entries.pop, entries.key), kind="stable")
    entries = entries.take(order)
    is_first = np.ones(len(order), np.bool_)
    same = [column[1:] == column[:-1] for column in (entries.rung, entries.metric, entries.pop, entries.key)]
    is_first[1:] = ~np.logical_and.reduce(same)
    starts, cell = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    used, bins, weight = _histograms(cell, entries.bin, entries.weight, len(starts))
    day = (entries.time // _DAY_SECONDS).astype(np.int32)
    newest_day = np.maximum.reduceat(day, starts)
    era = _last_known(entries.era, starts)
    behind = newest_day[cell] - day
    # Of a cell that hears clients under two keys, those under the newer one vote.
    votes = (entries.era == 0) | (entries.era == era[cell])
    said = distinct.voters(entries.who, entries.rank, entries.bin.astype(np.int64) * votes_per_bin)
    voters: dict[str, npt.NDArray[Any]] = {}
    for days, name in enumerate(VOTERS):
        smallest = np.full((len(starts), distinct.K), distinct.EMPTY)
        heard = votes & (behind == days)
        distinct.merge(smallest, cell[heard], said[heard])
        voters[f"{name}_used"], voters[name] = distinct.packed(smallest)
    return Cells(
        rung=entries.rung[starts],
        metric=entries.metric[starts],
        pop=entries.pop[starts],
        key=entries.key[starts],
        newest=np.maximum.reduceat(entries.time, starts),
        day=newest_day,
        used=used,
        bin=bins,
        weight=weight,
        era=era,
        back=np.ones(len(starts), np.uint8),
        **voters,
    )


def _last_known(era: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the last era of each run that is not 0, or 0: entries of a cell stand in order of arrival."""
    at = np.where(era != 0, np.arange(len(era)), -1)
    last = np.maximum.reduceat(at, starts)
    return np.where(last >= 0, era[last], np.uint8(0))


def _histograms(
    cell: npt.NDArray[np.int64], bins: npt.NDArray[np.uint8], weight: npt.NDArray[np.float64], cells: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return how many bins each cell has, these bins ascending, and their weights."""
    slot = cell << 8 | bins
    order = np.argsort(slot, kind="stable")
    slots, starts = np.unique(slot[order], return_index=True)
    summed = np.add.reduceat(weight[order], starts).astype(np.float32)
    used = np.bincount(slots >> 8, minlength=cells).astype(np.uint16)
    return used, (slots & 0xFF).astype(np.uint8), summed


def _known(rung_keys: Keys, own_only: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = rung_keys != 0
    known[:, -1] = True
    if own_only is not None:
        known[own_only, 1:] = False
    return known


def _who(
    records: npt.NDArray[np.void],
    rung_keys: Keys,
    row: npt.NDArray[np.int64],
    rung: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint32]:
    """Return who has one vote on each rung: the client; the network, up to its AS; beyond, the AS."""
    network, asn = _network_hash(records), rung_keys[:, _AS]
    of_as = np.where(asn == 0, network, _spread(asn))
    voters = np.where(rung > _AS, of_as[row], network[row])
    return np.where(rung == 0, _client_hash(records)[row], voters)


def _rank(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    """Return who of a network's clients speaks for it before whom: one not known after all others."""
    return np.where(records["client"] == 0, np.uint32(0xFFFFFFFF), _client_hash(records))


def _client_hash(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    """Return a hash of each record's client; a client not known counts as one per network."""
    client = _spread(records["client"].astype(np.uint64))
    return np.where(records["client"] == 0, _network_hash(records), client)


def _network_hash(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    return _spread(records["family"].astype(np.uint64) << np.uint64(60) | records["unit"])


def _spread(numbers: Keys) -> npt.NDArray[np.uint32]:
    return np.asarray((mix64(numbers) >> np.uint64(32)).astype(np.uint32))
