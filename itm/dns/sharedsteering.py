"""The steering of a class in which several POPs share a leaf: the body is drawn per query, by the shares.

A leaf that is shared at present points behind the last body, at a lot: where the share of each POP ends. All
others are answered as `steering` does; a class without any shares does not come here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import random

import numpy as np

from itm.dns.steering import Steering
from itm.routemap.mask import lots
from itm.routemap.routemap import ClassMap

Lot = tuple[tuple[float, ...], tuple[int, ...]]
"""Where the share of each body but the last ends, 0..1; the bodies."""


class SharedSteering(Steering):
    """`chance` gives numbers from 0 to below 1."""

    __slots__ = ("_bodies", "_chance", "_lots")

    def __init__(self, one: ClassMap, states: Sequence[int], chance: Callable[[], float] = random) -> None:
        self._bodies = one.ttl_classes * (len(states) + 1)
        self._chance = chance
        self._lots: list[Lot] = []
        super().__init__(one, states)

    def apply(self, states: Sequence[int]) -> None:
        """Serve by these states, one per POP, from now on."""
        super().apply(states)
        shared = lots(self._map, states)
        number: dict[Lot, int] = {}
        spread = np.array(self._choice, dtype=np.uint32)
        first = spread[shared.leaf] // (len(states) + 1) * (len(states) + 1)
        pops = self._map.leaves[shared.leaf] + first[:, None]
        for leaf, bodies, shares in zip(
            shared.leaf.tolist(), pops.tolist(), shared.share.tolist(), strict=True
        ):
            own = [(body, share) for body, share in zip(bodies, shares, strict=True) if share]
            ends = tuple(accumulate(share for _, share in own[:-1]))
            lot = ends, tuple(body for body, _ in own)
            spread[leaf] = self._bodies + number.setdefault(lot, len(number))
        self._lots, self._choice = list(number), spread.data

    def locate4(self, unit: int) -> tuple[int, int]:
        """Return (body, scope) of an IPv4 /24 number."""
        body, scope = super().locate4(unit)
        return (body if body < self._bodies else self._draw(body)), scope

    def locate6(self, unit: int) -> tuple[int, int]:
        """Return (body, scope) of an IPv6 /48 number."""
        body, scope = super().locate6(unit)
        return (body if body < self._bodies else self._draw(body)), scope

    def locate_resolver(self, family: int, unit: int) -> int:
        """Return the body for a resolver that names no client."""
        body = super().locate_resolver(family, unit)
        return body if body < self._bodies else self._draw(body)

    def _draw(self, lot: int) -> int:
        ends, bodies = self._lots[lot - self._bodies]
        return bodies[bisect_right(ends, self._chance())]


def steering_of(one: ClassMap, states: Sequence[int]) -> Steering:
    """Return the steering of a class under these states: only one that has shares pays for drawing."""
    return SharedSteering(one, states) if len(one.shares) else Steering(one, states)
