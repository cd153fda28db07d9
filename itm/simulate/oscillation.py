"""`simulate oscillation`: POPs that get slower as they fill, and maps that hear of it from their users.

The worst case for steering by latency: every move changes what is measured at both POPs. The clients are
those of the recorded hours, each with the same demand; the POP that most of them are nearest to has not
nearly the room for them, and no capacity is told to the builder, so nothing but its damping keeps it from
swinging.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.simulate.apart import world_apart
from itm.simulate.hourly import Hours
from itm.simulate.panel import UNLIMITED, Panel
from itm.steer.plan import Limits

ROUND_SECONDS: Final = 900.0
"""From one beacon of a (network, POP) to the next; a build follows each."""

HEADROOM: Final = 1.5
"""Room of all POPs together, in the demand of all networks; each has as much as every other."""

FREE: Final = 0.8
FULL_MS: Final = 20.0
MOST_MS: Final = 200.0
"""Load costs nothing up to `FREE` of a POP's room, `FULL_MS` where it is full, growing with the square."""


@dataclass(frozen=True, slots=True)
class Swing:
    """What became of it: moves per network at most and in the mean, by the whole time and its last quarter.

    Shares are 0..1: `restless` of networks that moved in the last quarter, `spread` the most that any POP's
    share of demand varied in it; `fullest` is the fullest POP's load at the start and at the end, of its
    room.
    """

    rests: bool
    hours: float
    most_flips: int
    mean_flips: float
    restless: float
    spread: float
    fullest: tuple[float, float]
    regret_ms: float


def swing(hours: Hours, *, rests: bool = True, days: float = 2.0, seed: int = 0, step: float = 0.25) -> Swing:
    """Return how the shares of POPs settle; `step` of demand moves in one build at most."""
    is_known: npt.NDArray[np.bool_] = np.isfinite(hours.rtt_ms)
    known = np.all(np.any(is_known, axis=0), axis=1)
    truth = np.nanmedian(hours.rtt_ms[:, known], axis=0)
    world, unit = world_apart(hours.pops, hours.clients[known])
    room = HEADROOM / truth.shape[1]
    panel = Panel(world, unit, truth, seed, Limits(UNLIMITED.candidates, step), rests=rests)
    panel.build()
    served = panel.served()
    flips = np.zeros(len(unit), dtype=int)
    shares = [_shares(served, truth.shape[1])]
    rounds = int(days * 86_400 / ROUND_SECONDS)
    late = np.zeros(len(unit), dtype=bool)
    regret = 0.0
    for number in range(rounds):
        now = panel.truth_ms = truth + _load_ms(shares[-1] / room)
        panel.measure(ROUND_SECONDS)
        panel.build()
        before, served = served, panel.served()
        flips += served != before
        shares.append(_shares(served, truth.shape[1]))
        if number >= 3 * rounds // 4:
            late |= served != before
            regret += float((now[np.arange(len(unit)), served] - now.min(axis=1)).mean())
    last = np.array(shares[3 * rounds // 4 :])
    return Swing(
        rests=rests,
        hours=rounds * ROUND_SECONDS / 3600,
        most_flips=int(flips.max()),
        mean_flips=float(flips.mean()),
        restless=float(late.mean()),
        spread=float((last.max(axis=0) - last.min(axis=0)).max()),
        fullest=(float(shares[0].max() / room), float(shares[-1].max() / room)),
        regret_ms=regret / (rounds - 3 * rounds // 4),
    )


def _shares(served: npt.NDArray[np.uint16], pops: int) -> npt.NDArray[np.float64]:
    return np.bincount(served, minlength=pops) / len(served)


def _load_ms(load: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what load, a share of the room, adds to the round trips to each POP."""
    return np.minimum(FULL_MS * (np.maximum(load - FREE, 0) / (1 - FREE)) ** 2, MOST_MS)


def as_text(found: Sequence[Swing]) -> str:
    """Return the table for a terminal or a page."""
    head = (
        f"{'moved rows':<12}{'hours':>7}{'flips, most':>13}{'mean':>7}{'late movers':>13}{'late spread':>13}"
        f"{'fullest POP':>18}{'late regret':>13}"
    )
    rows = [
        f"{'rest' if s.rests else 'do not rest':<12}{s.hours:>7g}{s.most_flips:>13}{s.mean_flips:>7.2f}"
        f"{s.restless:>13.1%}{s.spread:>13.1%}{s.fullest[0]:>9.0%} ->{s.fullest[1]:>6.0%}"
        f"{s.regret_ms:>10.2f} ms"
        for s in found
    ]
    return "\n".join([head, *rows])
