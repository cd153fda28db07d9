"""Who sits behind the resolvers that have a row of their own, as one build sees it.

A resolver has one if enough distinct client networks, of enough weight, were seen behind it: few could be
one person's doing, and say little of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.clienteletable import ClienteleTable
from collectors.network import Network
from itm.steer.evidence import Keys

MIN_CLIENTS: Final = 3
"""Distinct client networks behind a resolver below which it is answered by where it is."""

MIN_WEIGHT: Final = 1.5
"""Sightings, aged, below which likewise: three networks seen once, for a half-life."""

DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """`resolver` sorted keys of networks; row r has the clients `start[r]` to `start[r + 1]` (exclusive).

    Of each client its network's key, its weight in sightings and the days since it was last seen.
    """

    resolver: Keys
    start: npt.NDArray[np.int64]
    client: Keys
    weight: npt.NDArray[np.float32]
    age_days: npt.NDArray[np.float32]

    @classmethod
    def nothing(cls) -> Behind:
        """Return that of a server that has learned no resolver."""
        none, zero = np.zeros(0, np.uint64), np.zeros(0, np.float32)
        return cls(none, np.zeros(1, np.int64), none, zero, zero)

    @classmethod
    def of(cls, table: ClienteleTable, now: float, half_life_days: float) -> Behind:
        """Return the resolvers of the table that are known well enough; `now` in seconds since the epoch."""
        weight = table.weights(now, half_life_days * DAY_SECONDS)
        _, row, clients = np.unique(table.resolver, return_inverse=True, return_counts=True)
        total = np.bincount(row, weights=weight, minlength=len(clients))
        known = (clients >= MIN_CLIENTS) & (total >= MIN_WEIGHT)
        kept = np.flatnonzero(known[row])
        kept = kept[np.lexsort((table.client[kept], table.resolver[kept]))]
        resolver, counts = np.unique(table.resolver[kept], return_counts=True)
        return cls(
            resolver,
            np.append(0, np.cumsum(counts)).astype(np.int64),
            table.client[kept],
            weight[kept],
            (np.maximum(now - table.seen_at[kept], 0) / DAY_SECONDS).astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.resolver)

    def row_of(self, network: Network) -> int | None:
        """Return the row of a resolver's network, None if it has none."""
        at = int(np.searchsorted(self.resolver, np.uint64(network.key)))
        return at if at < len(self) and int(self.resolver[at]) == network.key else None

    def rows(self, first: int, end: int) -> Behind:
        """Return the rows from `first` to `end` (exclusive)."""
        clients = slice(self.start[first], self.start[end])
        return Behind(
            self.resolver[first:end],
            self.start[first : end + 1] - self.start[first],
            self.client[clients],
            self.weight[clients],
            self.age_days[clients],
        )


def family_of(keys: Keys) -> npt.NDArray[np.uint8]:
    """Return 4 or 6 for each network's key."""
    return (keys >> np.uint64(60)).astype(np.uint8)


def unit_of(keys: Keys) -> Keys:
    """Return the unit of each network's key."""
    return keys & np.uint64((1 << 48) - 1)
