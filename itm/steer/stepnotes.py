"""What each step went by, in a sentence: the numbers of the catalog that its outcome alone does not show."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.network import Network
from itm.catalog.types import OWN_PREFIX
from itm.steer.classes import NOT_ALLOWED, SteeringClass
from itm.steer.steps import NO_POP, Facts, Running
from itm.steer.steps.fastest import BAND_MS, BAND_SHARE, band, handicap_ms, within
from itm.steer.world import World

SHOWN: Final = 6
"""POPs told in a note."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One step at one row, and who that is: `facts`, and the running `was` and `now`, have that row alone."""

    world: World
    steering: SteeringClass
    network: Network
    place: int
    facts: Facts
    was: Running
    now: Running

    @property
    def rule(self) -> int:
        """The rule that holds."""
        return int(self.facts.rule[0])


def note(step: str, turn: Turn) -> str:
    """Return what `step` went by; empty where its outcome says it all."""
    if step.startswith(OWN_PREFIX):
        return _own(step, turn)
    write = NOTES.get(step)
    return write(turn) if write is not None else ""


def holds_by(turn: Turn) -> str:
    """Name the condition by which the row's rule holds, in the order in which rules are read."""
    rule, world, place = turn.steering.rules[turn.rule], turn.world, turn.place
    for text in rule.subnets:
        if turn.network.prefix.network_address in ipaddress.ip_network(text):
            return text
    if int(world.places.asn[place]) in rule.asns:
        return f"AS{world.places.asn[place]}"
    country = world.places.countries[world.places.country[place]]
    continent = world.continents.get(country, "")
    return next((geo for geo in rule.geos if geo in {continent, f"{continent}-{country}"}), "everybody")


def _allowed(turn: Turn) -> str:
    rule, required = turn.steering.rules[turn.rule], set(turn.steering.require_tags)
    told = f"rules[{turn.rule}] holds by {holds_by(turn)}: {', '.join(rule.pools)}"
    named = {pop for name, pops in turn.steering.pools if name in rule.pools for pop in pops}
    barred = [p.id for p in turn.world.catalog.pops if p.id in named and not required <= set(p.tags)]
    return told + (f"; without {', '.join(sorted(required))}: {', '.join(barred)}" if barred else "")


def _available(turn: Turn) -> str:
    tuning = turn.facts.tuning
    return f"at least {tuning.threshold:.0%} of {tuning.samples:g} fetches or more"


def _fastest(turn: Turn) -> str:
    best = float(turn.now.score[0, turn.now.best()[0]])
    handicaps = [
        f"{turn.world.pops[p]} {ms:+.1f} ms"
        for p, ms in enumerate(handicap_ms(turn.facts)[0])
        if abs(ms) >= 0.05 and turn.facts.tiers[0, p] != NOT_ALLOWED
    ]
    told = f"band {max(BAND_MS, BAND_SHARE * best):.1f} ms"
    return told + (f"; handicap of {', '.join(handicaps)}" if handicaps else "")


def _joint(turn: Turn) -> str:
    places = ", ".join(one.name for one in turn.facts.tuning.locations)
    nearest, best = int(turn.now.nearest[0]), int(turn.now.best()[0])
    told = f"with the leg to {places}"
    if nearest in {NO_POP, best}:
        return f"{told}; the client's leg alone would choose the same"
    saved = float(turn.now.score[0, nearest] - turn.now.score[0, best])
    return f"{told} {saved:.1f} ms shorter than by {turn.world.pops[nearest]}, the best by the client's alone"


def _capacity(turn: Turn) -> str:
    granted = turn.facts.granted
    if granted is None:
        return ""
    parts = [p for p in turn.now.ranking()[0] if granted.share[0, p]]
    told = [f"granted: {', '.join(f'{turn.world.pops[p]} {granted.share[0, p]:.0%}' for p in parts)}"]
    spare = int(granted.spare[0])
    told += [f"{turn.world.pops[spare]} has room where the first has none"] if spare != NO_POP else []
    return "; ".join(told[not parts :])


def _cost(turn: Turn) -> str:
    trade = turn.facts.tuning.trade
    traded = band(turn.was) if trade is None else within(turn.was, trade.ms, trade.share)
    pops = [p for p in turn.now.ranking()[0] if traded[0, p] and not turn.was.is_out()[0, p]]
    return "within the trade: " + _few(
        [f"{turn.world.pops[p]} costs {turn.facts.pops.cost[p]:g}" for p in pops]
    )


def _weighted(turn: Turn) -> str:
    pops = [p for p in turn.now.ranking()[0] if turn.now.share[0, p]]
    told = ", ".join(f"{turn.world.pops[p]} {turn.now.share[0, p]:.0%}" for p in pops)
    return told or "nobody is equal to the first"


def _failover(turn: Turn) -> str:
    pops = [turn.world.pops[p] for p in turn.now.ranking()[0] if turn.now.tier[0, p] != NOT_ALLOWED]
    return f"as written: {_few(pops)}"


def _own(step: str, turn: Turn) -> str:
    fault = next((one.fault for one in turn.facts.terms.own if one.step == step), "it was not asked")
    if step not in turn.facts.own:
        return f"as if it were not there: {fault}"
    added = turn.facts.own[step].add_ms[0]
    told = [f"{turn.world.pops[p]} {added[p]:+g} ms" for p in turn.now.ranking()[0] if added[p]]
    return _few(told) or "nothing added"


def _few(told: Sequence[str]) -> str:
    """Return the first of a list, in the order of the running, and how many more there are."""
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _first(turn: Turn) -> str:
    shares = turn.now.share[0].any()
    return "those that share are the only candidates" if shares else "it is the only candidate"


NOTES: Final[dict[str, Callable[[Turn], str]]] = {
    "allowed": _allowed,
    "available": _available,
    "fastest": _fastest,
    "joint": _joint,
    "capacity": _capacity,
    "cost": _cost,
    "weighted": _weighted,
    "failover": _failover,
    "first": _first,
}
