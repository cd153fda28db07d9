"""What a map changes for clients against the one before it: demand moved, ms won and lost, loads, scopes.

Pure: pieces of the address space and a price in, one frozen `Difference` per steering class out. A price is
the estimated round trip alone: a bias or a weight is the operator's wish, and no user's millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.ladder import prefix_text
from collectors.network import UNIT_BITS
from collectors.places import PlaceTable
from itm.routemap.routemap import NO_POP, ClassMap
from itm.routemap.table import scope
from itm.steer.pieces import Flows, Pieces, loads_of
from itm.steer.rows import Rows

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Price = Callable[[Indices, npt.NDArray[np.uint16]], npt.NDArray[np.float32]]
"""Rows and a POP of each in, the estimated round trip of each pair in ms out; NaN where it is not known."""

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Part:
    """A country (its code) or an AS (its number): shares of all demand, ms as means over its own demand."""

    of: str
    demand_share: float
    moved_share: float
    gained_ms: float
    lost_ms: float


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts in which most is gained and most is lost, by ms times demand."""

    gained: tuple[Part, ...]
    lost: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """One row's networks that change their POP, told by the heaviest of its prefixes; ms None: not known."""

    prefix: str
    country: str
    asn: int
    before: str
    after: str
    before_ms: float | None
    after_ms: float | None
    demand_share: float


@dataclass(frozen=True, slots=True)
class Size:
    """How finely a class map cuts the address space: leaves, and per family its runs and scopes."""

    leaves: int
    runs4: int
    runs6: int
    scopes4: int
    scopes6: int

    @classmethod
    def of(cls, table: ClassMap) -> Size:
        """Measure one class map."""
        v4, v6 = table.v4, table.v6
        return cls(len(table.leaves), len(v4.start), len(v6.start), v4.scopes(), v6.scopes())


@dataclass(frozen=True, slots=True)
class Difference:
    """One class: `services` by name. Shares are 0..1 of all demand, ms are means over all demand.

    `unpriced_share` moved from or to a POP whose round trip is not known; latencies are the estimated round
    trips over demand; `prefixes`, `networks4` (/24s) and `networks6` (/48s) are flipped.
    """

    services: tuple[str, ...]
    moved_share: float
    gained_ms: float
    lost_ms: float
    unpriced_share: float
    latency_before: Mapping[str, float]
    latency: Mapping[str, float]
    load_before: Mapping[str, float]
    load: Mapping[str, float]
    countries: Parts
    ases: Parts
    prefixes: int
    networks4: int
    networks6: int
    resolvers: int
    flips: tuple[Flip, ...]
    size_before: Size
    size: Size

    def as_dict(self) -> dict[str, Any]:
        """Return the difference as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Flows with their price: `was` and `now` in ms."""

    pieces: Pieces
    flows: Flows
    was: Floats
    now: Floats
    total: float

    @classmethod
    def of(cls, pieces: Pieces, price: Price) -> Moves:
        """Price what every flow got and gets."""
        flows = pieces.flows
        row = pieces.row[flows.piece]
        was, now = (_priced(row, pop, price) for pop in (flows.before, flows.after))
        return cls(pieces, flows, was, now, max(float(flows.demand.sum()), 1e-9))

    @property
    def gain(self) -> Floats:
        """What each flow saves, in ms; 0 where that is not known."""
        saved = np.where(self.flows.moved, self.was - self.now, 0)
        return np.where(np.isfinite(saved), saved, 0)

    def share(self, chosen: npt.NDArray[np.bool_]) -> float:
        """Return the share of all demand that the chosen flows have."""
        return float(self.flows.demand[chosen].sum()) / self.total

    def saved(self) -> tuple[float, float]:
        """Return the ms gained and the ms lost, as means over all demand."""
        gain = self.gain * self.flows.demand / self.total
        return float(gain[gain > 0].sum()), float(-gain[gain < 0].sum())

    def unpriced(self) -> float:
        """Return the share of demand that moves with a price not known."""
        return self.share(self.flows.moved & ~np.isfinite(self.was - self.now))

    def loads(self, pops: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
        """Return the share of demand per POP, before and after."""
        shares = (load / self.total for load in loads_of(self.flows, len(pops)))
        named = (dict(zip(pops, load.round(6).tolist(), strict=True)) for load in shares)
        return next(named), next(named)

    def parts(self, of_row: npt.NDArray[np.integer], names: Sequence[str], top: int) -> Parts:
        """Return where most is gained and most is lost; `of_row` is each row's index into `names`."""
        of = of_row[self.pieces.row[self.flows.piece]]
        demand, gain = self.flows.demand, self.gain * self.flows.demand
        chosen = (demand, demand * self.flows.moved, np.maximum(gain, 0), np.maximum(-gain, 0))
        whole, moved, won, lost = (np.bincount(of, own, len(names)) for own in chosen)

        def most(by: npt.NDArray[Any]) -> tuple[Part, ...]:
            order = np.argsort(-by, kind="stable")[:top]
            return tuple(
                Part(
                    names[i],
                    float(whole[i] / self.total),
                    float(moved[i] / self.total),
                    float(won[i] / whole[i]),
                    float(lost[i] / whole[i]),
                )
                for i in order[by[order] > 0].tolist()
            )

        return Parts(most(won), most(lost))

    def flips(self, rows: Rows, places: PlaceTable, pops: Sequence[str], top: int) -> tuple[Flip, ...]:
        """Return the flips of most demand: flows of one row and one pair of POPs are one."""
        here = np.flatnonzero(self.flows.moved)
        if not len(here):
            return ()
        p, f = self.pieces, self.flows
        piece = f.piece[here]
        kind = np.stack([p.row[piece], f.before[here], f.after[here]], axis=1)
        _, group = np.unique(kind, axis=0, return_inverse=True)
        demand = np.bincount(group, f.demand[here])
        heaviest = np.argsort(-demand, kind="stable")[:top]
        most = np.lexsort((-(p.end - p.first)[piece].astype(np.float64), -f.demand[here], group))
        first = most[np.searchsorted(group[most], heaviest)]
        return tuple(
            self._flip(int(here[at]), float(demand[g]), rows, places, pops)
            for g, at in zip(heaviest, first, strict=True)
        )

    def _flip(self, flow: int, demand: float, rows: Rows, places: PlaceTable, pops: Sequence[str]) -> Flip:
        p, piece = self.pieces, int(self.flows.piece[flow])
        place = rows.place[p.row[piece]]
        before, after = (int(own[flow]) for own in (self.flows.before, self.flows.after))
        was, now = (float(own[flow]) for own in (self.was, self.now))
        return Flip(
            prefix=_prefix(int(p.family[piece]), int(p.first[piece]), int(p.end[piece])),
            country=places.countries[places.country[place]],
            asn=int(places.asn[place]),
            before=pops[before] if before != NO_POP else "",
            after=pops[after] if after != NO_POP else "",
            before_ms=round(was, 1) if np.isfinite(was) else None,
            after_ms=round(now, 1) if np.isfinite(now) else None,
            demand_share=demand / self.total,
        )


def latency(price: Floats, demand: Floats) -> dict[str, float]:
    """Return mean and quantiles of a price over demand, in ms; what is not known is left out."""
    known = np.isfinite(price) & (demand > 0)
    value, weight = price[known], demand[known]
    if not len(value):
        return {}
    order = np.argsort(value, kind="stable")
    below = np.cumsum(weight[order]) / weight.sum()
    last = len(value) - 1
    found = {n: float(value[order[min(int(np.searchsorted(below, q)), last)]]) for n, q in QUANTILES.items()}
    return {"mean": float((value * weight).sum() / weight.sum()), **found}


def _priced(row: Indices, pop: npt.NDArray[np.uint16], price: Price) -> Floats:
    """Price every (row, POP) pair once."""
    pair, where = np.unique(row.astype(np.int64) << 16 | pop, return_inverse=True)
    value = price((pair >> 16).astype(np.intp), (pair & 0xFFFF).astype(np.uint16))
    return value.astype(np.float64)[where]


def _prefix(family: int, first: int, end: int) -> str:
    """Return the largest aligned prefix of a range of units, in CIDR notation."""
    bits = UNIT_BITS[family]
    middle = (
        end >> (power := (first ^ end).bit_length() - 1) << power
    )  # the largest block ends or begins here
    inside = (unit for unit in (middle - 1, middle) if first <= unit < end)
    length, unit = min((scope(bits, unit, first, end), unit) for unit in inside)
    free = bits - length
    return prefix_text(family << 60 | length << 52 | unit >> free << free)
