"""The open connections of one listener, the one idle for longest first, and how many there may be.

Too many in all, or too many of one client: the one that was idle for longest gives way (RFC 9210 4.2, 4.5).
One that is useless for `idle_seconds` is closed; half a message and a client that does not read are no use.
Knows no socket: what it holds can be dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from itm.dns.networks import Networks, client_of

PRESSURE: Final = 0.75
"""Above this share of what there may be, idle connections are kept for a shorter time."""
HASTE: Final = 5
"""So many times shorter."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections in all and of one client (an IPv4 address, an IPv6 /64), and for how long.

    `exempt` clients may have as many as there are.
    """

    most: int
    per_client: int
    idle_seconds: float
    exempt: Networks


class Held(Protocol):
    """A connection as it is seen from here; `used_at` is this module's."""

    client: bytes | None
    """Whose it is, for `per_client`; None: not counted."""
    used_at: float

    def drop(self) -> None:
        """Close now."""


class Connections:
    """All open connections of a listener; `clock` gives seconds and never goes back."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float]) -> None:
        self._bounds, self._clock = bounds, clock
        self._by_idle: OrderedDict[Held, None] = OrderedDict()
        self._by_client: dict[bytes, list[Held]] = {}
        self.shed_full = 0
        self.shed_client = 0

    def __len__(self) -> int:
        return len(self._by_idle)

    @property
    def idle_seconds(self) -> float:
        """How long an idle connection is kept at present: what RFC 7828 promises to a client."""
        seconds = self._bounds.idle_seconds
        return seconds / HASTE if len(self._by_idle) > PRESSURE * self._bounds.most else seconds

    def add(self, connection: Held) -> None:
        """Take in a new connection; the idlest gives way to it when there are too many."""
        self.touch(connection)
        if len(self._by_idle) > self._bounds.most:
            self.shed_full += 1
            next(iter(self._by_idle)).drop()

    def count(self, connection: Held, peer: str) -> None:
        """Note whose connection it is; the client's idlest gives way to it when it has too many."""
        if peer in self._bounds.exempt:
            return
        connection.client = client_of(peer)
        its_own = self._by_client.setdefault(connection.client, [])
        its_own.append(connection)
        if len(its_own) > self._bounds.per_client:
            self.shed_client += 1
            min(its_own, key=lambda one: one.used_at).drop()

    def touch(self, connection: Held) -> None:
        """Note that a connection was useful just now."""
        connection.used_at = self._clock()
        self._by_idle[connection] = None
        self._by_idle.move_to_end(connection)

    def forget(self, connection: Held) -> None:
        """Note that a connection is gone."""
        self._by_idle.pop(connection, None)
        client, connection.client = connection.client, None
        if client is not None:
            its_own = self._by_client[client]
            its_own.remove(connection)
            if not its_own:
                del self._by_client[client]

    def expire(self) -> None:
        """Drop what was idle for too long; to be called every now and then."""
        now = self._clock()
        while self._by_idle:
            idlest = next(iter(self._by_idle))
            if now - idlest.used_at < self.idle_seconds:
                return
            idlest.drop()

    def drop_all(self) -> None:
        """Close everything."""
        for connection in list(self._by_idle):
            connection.drop()
