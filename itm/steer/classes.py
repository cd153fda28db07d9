"""Steering classes: services that share pools, rules and chain are decided once, whatever their number."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.network import ADDRESS_BITS, UNIT_BITS
from itm.catalog.types import OWN_PREFIX, UNTUNED, Catalog, Pop, Rule, Service, Tuning

NOT_ALLOWED: Final = 255
"""Tier of a POP that a rule does not name: it is never answered."""


@dataclass(frozen=True, slots=True)
class SteeringClass:
    """What services must share to be decided together."""

    pools: tuple[tuple[str, tuple[str, ...]], ...]
    rules: tuple[Rule, ...]
    steer: tuple[str, ...]
    require_tags: tuple[str, ...]
    tuning: Tuning = UNTUNED
    adapts: bool = False
    """Whether TTLs follow how certain answers are."""

    def own_steps(self) -> tuple[str, ...]:
        """Return the operator's own steps in the chain."""
        return tuple(name for name in self.steer if name.startswith(OWN_PREFIX))

    def tiers(self, pops: tuple[Pop, ...]) -> npt.NDArray[np.uint8]:
        """Return (rules, pops): the position of a POP's first pool in the rule, or `NOT_ALLOWED`.

        A POP without one of `require_tags` (residency) is allowed by no rule.
        """
        pools = dict(self.pools)
        required = set(self.require_tags)
        table = np.full((len(self.rules), len(pops)), NOT_ALLOWED, dtype=np.uint8)
        for r, rule in enumerate(self.rules):
            for p, pop in enumerate(pops):
                if required <= set(pop.tags):
                    table[r, p] = next(
                        (t for t, name in enumerate(rule.pools) if pop.id in pools[name]), NOT_ALLOWED
                    )
        return table

    def fallback(self, pops: tuple[Pop, ...]) -> str:
        """Return the POP that a server answers which cannot steer; empty when the catch-all allows none.

        The first of the catch-all's first pool that has the tags, then of its further pools: the catalog
        alone decides it, so it is the same on every server and moves with no measurement.
        """
        pools, required = dict(self.pools), set(self.require_tags)
        fit = {pop.id for pop in pops if required <= set(pop.tags)}
        named = (pop for pool in self.rules[-1].pools for pop in pools[pool])
        return next((pop for pop in named if pop in fit), "")

    def rules_of_places(
        self,
        country: npt.NDArray[np.str_],
        continent: npt.NDArray[np.str_],
        asn: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.uint8]:
        """Return the index of the first rule whose geos or ASNs hold, per place (subnets: `subnet_rules`).

        The last rule of a class is a catch-all (the catalog requires it), so every place has one.
        """
        chosen = np.full(len(asn), len(self.rules) - 1, dtype=np.uint8)
        for r in range(len(self.rules) - 1, -1, -1):
            rule = self.rules[r]
            holds = np.isin(asn, np.array(rule.asns, dtype=np.uint32))
            for geo in rule.geos:
                place_continent, _, place_country = geo.partition("-")
                holds |= (country == place_country) if place_country else (continent == place_continent)
            if not (rule.geos or rule.asns or rule.subnets):
                holds = np.ones(len(asn), dtype=bool)
            chosen[holds] = r
        return chosen

    def subnet_ranges(self, family: int) -> list[tuple[int, int, int]]:
        """Return (first unit, end unit, rule) of every subnet condition of a family, in rule order."""
        ranges: list[tuple[int, int, int]] = []
        shift = ADDRESS_BITS[family] - UNIT_BITS[family]
        for r, rule in enumerate(self.rules):
            for text in rule.subnets:
                prefix = ipaddress.ip_network(text)
                if prefix.version == family:
                    first = int(prefix.network_address) >> shift
                    ranges.append((first, (int(prefix.broadcast_address) >> shift) + 1, r))
        return ranges


def classes_of(catalog: Catalog) -> tuple[tuple[SteeringClass, ...], dict[str, int]]:
    """Return the distinct classes of a catalog, and the class index of every service by name."""
    found: dict[SteeringClass, int] = {}
    index = {s.name: found.setdefault(class_of(s), len(found)) for s in catalog.services}
    return tuple(found), index


def class_of(service: Service) -> SteeringClass:
    """Return the class of one service."""
    return SteeringClass(
        service.pools, service.rules, service.steer, service.require_tags, service.tuning, service.adapts
    )
