"""One steering class, laid out for the answering loop: unit in, (body, scope) out.

Holds its runs behind a first-level index by the unit's upper 16 bits, and the body that each leaf is
served at present: recomputed when health changes, replaced by one assignment. A body stands for a POP and a
class of TTL. Where several POPs share a leaf: `sharedsteering`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.routemap.health import State
from itm.routemap.mask import choices, ttls
from itm.routemap.routemap import NO_POP, ClassMap
from itm.routemap.table import PrefixTable, UnitTable

INDEX_BITS: Final = 16


class Steering:
    """Answers for one class. `states` has one per POP.

    A body's number is that of its POP, the number of POPs itself standing for "no POP"; those of the next
    class of TTL follow (`ttl_classes`).
    """

    __slots__ = ("_choice", "_map", "_pops", "_resolvers", "_v4", "_v6", "fail_open", "ttl_classes")

    def __init__(self, one: ClassMap, states: Sequence[int]) -> None:
        self.ttl_classes = one.ttl_classes
        self._map = one
        self._pops = len(states)
        self._v4 = _runs(one.v4)
        self._v6 = _runs(one.v6)
        self._resolvers = {4: _leaf_by_unit(one.resolvers4), 6: _leaf_by_unit(one.resolvers6)}
        self.apply(states)

    def apply(self, states: Sequence[int]) -> None:
        """Serve by these states, one per POP, from now on."""
        served = choices(self._map, states)
        down = np.array([*(state == State.DOWN for state in states), False])
        served = np.where(served == NO_POP, self._pops, served).astype(np.uint32)
        self.fail_open = bool(down[served].any())
        first = ttls(self._map, states).astype(np.uint32) * np.uint32(self._pops + 1)
        bodies = self.ttl_classes * (self._pops + 1)
        narrow = np.uint16 if bodies <= 1 << 16 else np.uint32  # the narrower are read faster
        self._choice = (served + first).astype(narrow).data

    def locate4(self, unit: int) -> tuple[int, int]:
        """Return (body, scope) of an IPv4 /24 number."""
        index, start, leaf = self._v4
        top = unit >> 8
        run = bisect_right(start, unit, index[top], index[top + 1])
        below = unit ^ (start[run - 1] - 1) if run > 1 else 0x1000000
        above = unit ^ start[run]
        return self._choice[leaf[run - 1]], 25 - (below if below < above else above).bit_length()

    def locate6(self, unit: int) -> tuple[int, int]:
        """Return (body, scope) of an IPv6 /48 number."""
        index, start, leaf = self._v6
        top = unit >> 32
        run = bisect_right(start, unit, index[top], index[top + 1])
        below = unit ^ (start[run - 1] - 1) if run > 1 else 0x1000000000000
        above = unit ^ start[run]
        return self._choice[leaf[run - 1]], 49 - (below if below < above else above).bit_length()

    def locate_resolver(self, family: int, unit: int) -> int:
        """Return the body for a resolver that names no client: by the clients learned behind it, or else
        by where it is itself.
        """
        leaf = self._resolvers[family].get(unit)
        if leaf is not None:
            body: int = self._choice[leaf]
            return body
        return (self.locate4(unit) if family == 4 else self.locate6(unit))[0]


def _leaf_by_unit(table: UnitTable) -> dict[int, int]:
    return dict(zip(table.unit.tolist(), table.leaf.tolist(), strict=True))


def _runs(table: PrefixTable) -> tuple[Any, Any, Any]:
    """Return (index, starts with the family's end behind the last, leaves) as memoryviews.

    `index[t]` is the number of runs that start before the block of upper bits `t`.
    """
    dtype = table.start.dtype.newbyteorder("=")
    shift = table.bits - INDEX_BITS
    borders: npt.NDArray[Any] = np.arange((1 << INDEX_BITS) + 1, dtype=dtype) << dtype.type(shift)
    index = np.searchsorted(table.start, borders, side="left").astype(np.uint32)
    start = np.append(table.start, dtype.type(1 << table.bits)).astype(dtype)
    return index.data, start.data, np.ascontiguousarray(table.leaf).data
