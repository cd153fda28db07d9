"""The RouteMap: for every steering class and network the whole ranked list of POPs.

A leaf is a whole list: its own first ranks (`leaves`, one row per leaf, padded with `NO_POP`) and
then the rule's common tail (all POPs the rule allows); with it go the shares in which its ranks are answered
and the class of its TTL. Two networks share a leaf only if all of that is equal, hence a POP's death never
makes a cached scope wrong. Knows no DNS and no health.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.catalog.types import PLAIN, Form, ZoneText
from itm.routemap.table import PrefixTable, UnitTable

NO_POP: Final = 0xFFFF
"""Padding of a leaf's ranks: no POP."""

TTL_CLASSES: Final = 4
"""How many TTLs a service can answer with: the least, the most, and two between them."""

WHOLE: Final = 255
"""What the shares of a leaf add up to, where it has any."""


@dataclass(frozen=True, slots=True)
class PopAnswer:
    """What a POP's answers carry: its addresses as text."""

    id: str
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """A steered name: absolute, lower case. `class_index` -1: no class decides, the values are answered.

    `ttl` is its least TTL in seconds, `ttl_most` the highest (0: the same). `fallback` is the POP that a
    server which cannot steer answers, where there are no values.
    """

    name: str
    class_index: int
    ttl: int
    ipv4_values: tuple[str, ...] = ()
    ipv6_values: tuple[str, ...] = ()
    form: Form = PLAIN
    fallback: str = ""
    ttl_most: int = 0

    @property
    def ttls(self) -> tuple[int, ...]:
        """The TTL of each class in seconds, in equal ratios from the least to the highest."""
        most = max(self.ttl_most, self.ttl)
        steps = TTL_CLASSES - 1
        return tuple(round(self.ttl * (most / self.ttl) ** (step / steps)) for step in range(TTL_CLASSES))


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """One steering class: `leaves` (L, K) POP indices, `leaf_tail` (L,) indices into `tails`.

    `v4` and `v6` are the client map; `resolvers4` and `resolvers6` the resolver map: of the resolvers whose
    clients were learned. `shares` (L, K) say in 255ths how the answers of a leaf are spread over its ranks
    (all 0: the first gets everything), `ttl` (L,) is its class of TTL, 0 the least; empty: no leaf has any.
    """

    leaves: npt.NDArray[np.uint16]
    leaf_tail: npt.NDArray[np.uint16]
    tails: tuple[npt.NDArray[np.uint16], ...]
    v4: PrefixTable
    v6: PrefixTable
    resolvers4: UnitTable = field(default_factory=lambda: UnitTable.nothing(24))
    resolvers6: UnitTable = field(default_factory=lambda: UnitTable.nothing(48))
    shares: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.uint8))
    ttl: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))

    @property
    def ttl_classes(self) -> int:
        """How many classes of TTL its leaves use, from 0 on."""
        return 1 + int(self.ttl.max(initial=0))

    def shares_of(self, leaf: int) -> list[int]:
        """Return the shares of a leaf's own ranks, in 255ths; none where the first gets everything."""
        return self.shares[leaf].tolist() if len(self.shares) and self.shares[leaf].any() else []

    def ttl_of(self, leaf: int) -> int:
        """Return the class of a leaf's TTL."""
        return int(self.ttl[leaf]) if len(self.ttl) else 0

    def order_of(self, leaf: int) -> list[int]:
        """Return the whole ranked list of a leaf: its own ranks, then the tail without repeats."""
        own = [int(pop) for pop in self.leaves[leaf] if pop != NO_POP]
        seen = set(own)
        return own + [int(pop) for pop in self.tails[self.leaf_tail[leaf]] if int(pop) not in seen]

    def lookup(self, family: int, unit: int) -> tuple[int, int]:
        """Return (leaf, scope) of a /24 number (family 4) or /48 number (family 6)."""
        return (self.v4 if family == 4 else self.v6).lookup(unit)

    def resolver_leaf(self, family: int, unit: int) -> int | None:
        """Return the leaf of a resolver's network in the resolver map, None where it has none."""
        return (self.resolvers4 if family == 4 else self.resolvers6).lookup(unit)


@dataclass(frozen=True, slots=True, eq=False)
class RouteMap:
    """One version of the whole result. `basis` says what it was decided by: `latency` or `geo`."""

    version: int
    built_at: float  # seconds since the epoch
    catalog_version: int
    basis: str
    pops: tuple[PopAnswer, ...]
    services: tuple[ServiceAnswer, ...]
    classes: tuple[ClassMap, ...]
    zones: tuple[ZoneText, ...]
    probe_zone: str = ""
    """The name right below which each browser session has one of its own; empty: none."""

    def order_of(self, class_index: int, leaf: int) -> list[int]:
        """Return the full ranked list of POP indices of one leaf of one class."""
        return self.classes[class_index].order_of(leaf)

    def service(self, name: str) -> ServiceAnswer:
        """Return the service of that name; raises `KeyError`."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def problems(self) -> list[str]:
        """Return what is wrong inside: every index out of range, every table out of order."""
        found = [
            f"service {service.name}: no class {service.class_index}"
            for service in self.services
            if not -1 <= service.class_index < len(self.classes)
        ]
        for index, one in enumerate(self.classes):
            found += [f"class {index}: {text}" for text in _class_problems(one, len(self.pops))]
        return found


def _class_problems(one: ClassMap, pops: int) -> list[str]:
    found = []
    count = len(one.leaves)
    if one.leaves.ndim != 2 or count == 0 or len(one.leaf_tail) != count:
        return ["leaves: expected (leaves, ranks) with one tail number each"]
    if int(np.where(one.leaves == NO_POP, 0, one.leaves).max(initial=0)) >= max(pops, 1):
        found.append("leaves: a POP is out of range")
    found += _answer_problems(one)
    if int(one.leaf_tail.max()) >= len(one.tails):
        found.append("leaves: a tail is out of range")
    if any(not _is_order(tail, pops) for tail in one.tails):
        found.append("tails: expected distinct POPs in range")
    for name, table, bits in (("v4", one.v4, 24), ("v6", one.v6, 48)):
        if table.bits != bits:
            found.append(f"{name}: expected {bits} bits")
        found += [f"{name} {text}" for text in table.problems(count)]
    for name, units, bits in (("resolvers4", one.resolvers4, 24), ("resolvers6", one.resolvers6, 48)):
        if units.bits != bits:
            found.append(f"{name}: expected {bits} bits")
        found += [f"{name} {text}" for text in units.problems(count)]
    return found


def _answer_problems(one: ClassMap) -> list[str]:
    found = []
    if len(one.shares) and one.shares.shape != one.leaves.shape:
        found.append("shares: expected one of each rank")
    elif not np.isin(one.shares.sum(axis=1, dtype=np.uint32), (0, WHOLE)).all():
        found.append(f"shares: expected {WHOLE} in all, or none")
    elif len(one.shares) and one.shares[one.leaves == NO_POP].any():
        found.append("shares: a rank without a POP has one")
    if len(one.ttl) not in (0, len(one.leaves)) or one.ttl_classes > TTL_CLASSES:
        found.append(f"ttl: expected one of {TTL_CLASSES} classes per leaf")
    return found


def _is_order(tail: npt.NDArray[np.uint16], pops: int) -> bool:
    values: Sequence[int] = tail.tolist()
    return len(set(values)) == len(values) and all(value < pops for value in values)
