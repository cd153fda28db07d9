"""Who resolved the name of a session, and who asked for that session: joined, each session once.

Sans-I/O. The edge says `asked` when it gives a session out, DNS workers say `resolved` when its name is asked
for, in either order. Both sides wait a bounded time in a bounded place of their own, so that a flood of names
nobody was given pushes no session out.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from collectors.network import Network

EXPIRE_SECONDS: Final = 60.0
"""How long one side waits for the other: a browser resolves the name within its probes' timeouts."""

MOST: Final = 131_072
"""Sessions that wait on each side: some 2,000 new ones a second."""

Waiting = TypeVar("Waiting")


@dataclass(frozen=True, slots=True)
class Pair:
    """A client network and the network of a resolver that it was seen to use. `names_clients`: the resolver
    sends a client subnet, so that its answers need no learning.
    """

    resolver: Network
    client: Network
    names_clients: bool


class Pairs:
    """Joins the two halves of sessions; `outcomes` counts what became of those that made no pair.

    `unresolved` and `unasked`: the other half did not come in time; `repeated`: a session's second resolution
    (another type, another resolver), which counts for nothing; `crowded`: pushed out by newer ones.
    """

    def __init__(self, most: int = MOST, expire_seconds: float = EXPIRE_SECONDS) -> None:
        self._most = most
        self._expire_seconds = expire_seconds
        self._asked: OrderedDict[str, tuple[float, Network]] = OrderedDict()
        self._resolved: OrderedDict[str, tuple[float, tuple[Network, bool]]] = OrderedDict()
        self._joined: OrderedDict[str, tuple[float, None]] = OrderedDict()
        self.outcomes: Counter[str] = Counter()

    def __len__(self) -> int:
        """The number of sessions that wait for their other half."""
        return len(self._asked) + len(self._resolved)

    def asked(self, session: str, network: Network, now: float) -> Pair | None:
        """Take note that a client of this network was given the session; returns the pair if it is whole."""
        self.expire(now)
        if session in self._joined or session in self._asked:
            self.outcomes["repeated"] += 1
            return None
        half = self._resolved.pop(session, None)
        if half is None:
            self._wait(self._asked, session, network, now)
            return None
        resolver, names_clients = half[1]
        return self._join(session, Pair(resolver, network, names_clients), now)

    def resolved(self, session: str, resolver: Network, ecs: Network | None, now: float) -> Pair | None:
        """Take note that this resolver asked for the session's name; returns the pair if it is whole."""
        self.expire(now)
        if session in self._joined or session in self._resolved:
            self.outcomes["repeated"] += 1
            return None
        half = self._asked.pop(session, None)
        if half is None:
            self._wait(self._resolved, session, (resolver, ecs is not None), now)
            return None
        return self._join(session, Pair(resolver, half[1], ecs is not None), now)

    def expire(self, now: float) -> None:
        """Forget whoever has waited too long."""
        self.outcomes["unresolved"] += self._forget(self._asked, now)
        self.outcomes["unasked"] += self._forget(self._resolved, now)
        self._forget(self._joined, now)

    def _join(self, session: str, pair: Pair, now: float) -> Pair:
        if len(self._joined) >= self._most:
            self._joined.popitem(last=False)
        self._joined[session] = (now, None)
        return pair

    def _wait(
        self, where: OrderedDict[str, tuple[float, Waiting]], session: str, what: Waiting, now: float
    ) -> None:
        if len(where) >= self._most:
            where.popitem(last=False)
            self.outcomes["crowded"] += 1
        where[session] = (now, what)

    def _forget(self, where: OrderedDict[str, tuple[float, Waiting]], now: float) -> int:
        """Remove the oldest, as far as they are too old; returns how many."""
        forgotten = 0
        while where and next(iter(where.values()))[0] <= now - self._expire_seconds:
            where.popitem(last=False)
            forgotten += 1
        return forgotten
