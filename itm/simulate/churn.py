"""`simulate churn`: recorded hours without a fault, and how much demand changes its POP in them.

Each client is a network of equal demand whose addresses measure every POP a few times an hour, with the
noise of their access. On the first day the maps learn what predictions had wrong; from the second on a move
is churn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from itm.simulate.apart import world_apart
from itm.simulate.hourly import Hours
from itm.simulate.panel import Panel

ROUNDS: Final = 4
"""Beacons of every (network, POP) an hour; a build follows each."""

DAY_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Churn:
    """What moved in one region: shares (0..1) of demand, of the day of learning and per day after it.

    `steadiest` and `worst` are the least and the most of these days; `regret_ms` is the mean loss against
    the best POP of each hour, after the first day; `restless` the share of hours of networks whose best POP
    another hour before was another one: what following every hour would move per day.
    """

    region: str
    networks: int
    days: int
    learning: float
    daily: float
    steadiest: float
    worst: float
    regret_ms: float
    restless: float


def churn(region: str, hours: Hours, seed: int = 0, days: int = 0) -> Churn:
    """Return what moves in `days` days after the first one; 0: as many as were recorded, two at least.

    Where fewer hours were recorded they come again.
    """
    world, unit = world_apart(hours.pops, hours.clients)
    recorded = len(hours.rtt_ms)
    days = days or max(recorded // DAY_HOURS - 1, 2)
    panel = Panel(world, unit, hours.rtt_ms[0], seed)
    panel.build()
    served = panel.served()
    moved = np.zeros(days + 1)
    regret: list[float] = []
    for hour in range((days + 1) * DAY_HOURS):
        truth = panel.truth_ms = hours.rtt_ms[hour % recorded]
        for _ in range(ROUNDS):
            panel.measure(3600 / ROUNDS)
            panel.build()
            before, served = served, panel.served()
            moved[hour // DAY_HOURS] += float((served != before).mean())
        known = np.isfinite(truth[np.arange(len(unit)), served]) & (hour >= DAY_HOURS)
        own = truth[known, served[known]]
        regret += (own - np.nanmin(truth[known], axis=1)).tolist()
    return Churn(
        region=region,
        networks=len(unit),
        days=days,
        learning=float(moved[0]),
        daily=float(moved[1:].mean()),
        steadiest=float(moved[1:].min()),
        worst=float(moved[1:].max()),
        regret_ms=float(np.mean(regret)),
        restless=_restless(hours) * DAY_HOURS,
    )


def of_all(found: Sequence[Churn]) -> float:
    """Return what moves a day after the first one, of the demand of all regions."""
    return sum(c.networks * c.daily for c in found) / sum(c.networks for c in found)


def _restless(hours: Hours) -> float:
    """Return the share of clients whose best POP of an hour is not that of the hour before."""
    best = np.where(np.isfinite(hours.rtt_ms), hours.rtt_ms, np.inf).argmin(axis=2)
    return float((best[1:] != best[:-1]).mean())


def as_text(found: Sequence[Churn]) -> str:
    """Return the table for a terminal or a page."""
    head = (
        f"{'region':<9}{'networks':>9}{'days':>6}{'first day':>11}{'a day':>8}{'least':>8}{'most':>8}"
        f"{'regret':>11}{'best POP':>10}"
    )
    rows = [
        f"{c.region:<9}{c.networks:>9}{c.days:>6}{c.learning:>11.1%}{c.daily:>8.2%}{c.steadiest:>8.2%}"
        f"{c.worst:>8.2%}{c.regret_ms:>8.2f} ms{c.restless:>10.0%}"
        for c in found
    ]
    return "\n".join([head, *rows, f"of all demand {of_all(found):.2%} a day"])
