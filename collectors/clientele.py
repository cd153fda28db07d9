"""The clientele: which client networks were seen behind which resolver, how often, and how lately.

Distinct networks count, not repeats: what one network adds to a resolver is capped, so is the number of
networks of one neighbourhood behind a resolver, and the number of resolvers one network is counted behind.
Memory is bounded whoever lies: the resolvers with the fewest networks make room for new ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from collectors.clienteletable import ClienteleTable
from collectors.network import Network
from collectors.pairing import Pair

OUTCOMES: Final = ("learned", "names_clients", "spread", "neighbours", "full")
"""What became of a pair; all but the first leave the clientele as it was."""

LEAST_WEIGHT: Final = 0.1
"""Below it a client network is forgotten: one sighting, some three half-lives ago."""

ROOM: Final = 16
"""When all places are taken one of so many resolvers goes: those with the fewest networks, oldest first."""

PIECE: Final = 32
"""Resolvers that are aged and written out at a time: some milliseconds of work at most."""

NEIGHBOURHOOD_SHIFT: Final = {4: 8, 6: 16}
"""From a unit to its neighbourhood: an IPv4 /16, an IPv6 /32, the usual least allocation of a provider."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and how much one network may say."""

    resolvers: int = 4096
    clients: int = 128  # networks behind one resolver
    neighbours: int = 16  # of them, of one neighbourhood
    resolvers_per_client: int = 16
    weight: float = 4.0  # sightings of one network behind one resolver that count


@dataclass(slots=True)
class _Seen:
    weight: float  # sightings, as of `at`
    at: float


class Clientele:
    """Learns pairs and ages them; `half_life_seconds` halves the weight of what was not seen again."""

    def __init__(self, half_life_seconds: float, bounds: Bounds | None = None) -> None:
        self._half_life = half_life_seconds
        self._bounds = bounds or Bounds()
        self._behind: dict[Network, dict[Network, _Seen]] = {}
        self._spread: Counter[Network] = Counter()

    @classmethod
    def of(cls, table: ClienteleTable, half_life_seconds: float, bounds: Bounds | None = None) -> Clientele:
        """Return the clientele that a table holds, as it was when the table was made."""
        made = cls(half_life_seconds, bounds)
        columns = (table.resolver, table.client, table.weight, table.seen_at)
        for resolver, key, weight, at in zip(*(column.tolist() for column in columns), strict=True):
            client = Network.of_key(key)
            made._behind.setdefault(Network.of_key(resolver), {})[client] = _Seen(weight, at)
            made._spread[client] += 1
        return made

    def __len__(self) -> int:
        """The number of resolvers of which a client is known."""
        return len(self._behind)

    def learn(self, pair: Pair, now: float) -> str:
        """Count one sighting; returns what became of it, one of `OUTCOMES`."""
        if pair.names_clients:
            return "names_clients"
        known = self._behind.get(pair.resolver, {}).get(pair.client)
        if known is None:
            return self._admit(pair, now)
        known.weight = min(self._bounds.weight, self._weight(known, now) + 1)
        known.at = now
        return "learned"

    def age(self, now: float) -> None:
        """Forget the networks whose weight has faded, and resolvers without any."""
        for resolver in list(self._behind):
            self._age(resolver, now)

    def table(self) -> ClienteleTable:
        """Return all that is known as arrays."""
        return _table(self._behind.items())

    def aged(self, now: float) -> Iterator[ClienteleTable]:
        """Age everything and give it in pieces, between which the caller may do other things.

        What is learned meanwhile is in a piece or not, as it falls.
        """
        resolvers = list(self._behind)
        for first in range(0, len(resolvers), PIECE):
            some = resolvers[first : first + PIECE]
            for resolver in some:
                self._age(resolver, now)
            yield _table((one, self._behind[one]) for one in some if one in self._behind)

    def _admit(self, pair: Pair, now: float) -> str:
        """Take in a network that was not seen behind this resolver before, if there is room for it."""
        bounds, clients = self._bounds, self._behind.get(pair.resolver, {})
        if self._spread[pair.client] >= bounds.resolvers_per_client:
            return "spread"
        near = _neighbourhood(pair.client)
        if sum(_neighbourhood(one) == near for one in clients) >= bounds.neighbours:
            return "neighbours"
        if len(clients) >= bounds.clients and not self._replace_lightest(pair.resolver, now):
            return "full"
        if not clients and len(self._behind) >= bounds.resolvers:
            self._make_room()
        self._behind.setdefault(pair.resolver, {})[pair.client] = _Seen(1.0, now)
        self._spread[pair.client] += 1
        return "learned"

    def _replace_lightest(self, resolver: Network, now: float) -> bool:
        """Drop the resolver's lightest client if it weighs less than a new one would."""
        clients = self._behind[resolver]
        lightest = min(clients, key=lambda one: self._weight(clients[one], now))
        if self._weight(clients[lightest], now) >= 1:
            return False
        self._drop(resolver, lightest)
        return True

    def _make_room(self) -> None:
        """Forget the resolvers with the fewest networks until a sixteenth of the places is free."""
        excess = len(self._behind) - self._bounds.resolvers * (ROOM - 1) // ROOM
        fewest = sorted(self._behind, key=lambda one: len(self._behind[one]))
        for resolver in fewest[: max(excess, 0)]:
            for client in list(self._behind[resolver]):
                self._drop(resolver, client)

    def _age(self, resolver: Network, now: float) -> None:
        clients = self._behind.get(resolver, {})
        for client in [one for one, seen in clients.items() if self._weight(seen, now) < LEAST_WEIGHT]:
            self._drop(resolver, client)

    def _drop(self, resolver: Network, client: Network) -> None:
        del self._behind[resolver][client]
        if not self._behind[resolver]:
            del self._behind[resolver]
        self._spread[client] -= 1
        if not self._spread[client]:
            del self._spread[client]

    def _weight(self, seen: _Seen, now: float) -> float:
        return float(seen.weight * 0.5 ** (max(now - seen.at, 0.0) / self._half_life))


def _neighbourhood(network: Network) -> tuple[int, int]:
    return network.family, network.unit >> NEIGHBOURHOOD_SHIFT[network.family]


def _table(behind: Iterable[tuple[Network, Mapping[Network, _Seen]]]) -> ClienteleTable:
    rows = [
        (resolver.key, client.key, seen.weight, seen.at)
        for resolver, clients in behind
        for client, seen in clients.items()
    ]
    resolver, client, weight, at = zip(*rows, strict=True) if rows else ((), (), (), ())
    return ClienteleTable(
        resolver=np.array(resolver, np.uint64),
        client=np.array(client, np.uint64),
        weight=np.array(weight, np.float32),
        seen_at=np.array(at, np.float64),
    )
