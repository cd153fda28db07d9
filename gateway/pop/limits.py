"""Who may not, at the moment: half-open connections, failed tickets, sessions per user, tenant and POP.

Counts and decides; keeps no sockets. Client networks are IPv4 addresses and IPv6 /64s.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from gateway.pop.config import Caps
from gateway.protocol.codes import CloseCode

MINUTE_SECONDS = 60.0


def network_of(address: str) -> str:
    """Return the network that a client address is counted under."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


KNOWN_SHARE = 4
"""A network of a connector may have one part in so many: a whole office stands behind it, but no more."""


class Gate:
    """Counts connections of one kind (half-open ones, HTTP's), in all and per client network."""

    def __init__(self, most: int, per_network: int) -> None:
        self._most, self._per_network = most, per_network
        self._networks: Counter[str] = Counter()
        self.total = 0

    def enter(self, network: str, *, is_known: bool = False) -> bool:
        """Count one in; False when there are too many (it is not counted then).

        `is_known`: a connector's control channel comes from there.
        """
        share = max(self._per_network, self._most // KNOWN_SHARE) if is_known else self._per_network
        if self._networks[network] >= share or self.total >= self._most:
            return False
        self._networks[network] += 1
        self.total += 1
        return True

    def leave(self, network: str) -> None:
        """Count one out."""
        self.total -= 1
        decrease(self._networks, network)


class TicketGuard:
    """Slows the guessing of tickets: per network a number of failures a minute, then refusal unread."""

    def __init__(self, caps: Caps, clock: Callable[[], float]) -> None:
        self._most, self._clock = caps.failed_tickets_per_minute, clock
        self._failures: Counter[str] = Counter()
        self._minute_ends = 0.0

    def is_shut(self, network: str) -> bool:
        """Whether this network has failed too often in this minute."""
        self._turn()
        return self._failures[network] >= self._most

    def failed(self, network: str) -> bool:
        """Count a refused ticket; True when that one shut the network out: worth an alarm."""
        self._turn()
        self._failures[network] += 1
        return self._failures[network] == self._most

    def _turn(self) -> None:
        if self._clock() >= self._minute_ends:
            self._minute_ends = self._clock() + MINUTE_SECONDS
            self._failures.clear()


class SessionCounts:
    """Wires by user, tenant, session and in all; a session that moves has two for a moment."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._users: Counter[tuple[str, str]] = Counter()
        self._tenants: Counter[str] = Counter()
        self._wires: Counter[str] = Counter()
        self.total = 0

    def refusal(self, tenant: str, user: str) -> CloseCode | None:
        """Return why one more session is too many, or None."""
        if self.total >= self._caps.sessions:
            return CloseCode.POP_FULL
        if self._tenants[tenant] >= self._caps.tenant_sessions:
            return CloseCode.CLIENT_TENANT_LIMIT
        if self._users[tenant, user] >= self._caps.user_sessions:
            return CloseCode.CLIENT_USER_LIMIT
        return None

    def resume_refusal(self, session: str) -> CloseCode | None:
        """Return why one more wire of a running session is too many, or None."""
        if self.total >= self._caps.sessions:
            return CloseCode.POP_FULL
        if self._wires[session] >= self._caps.session_wires:
            return CloseCode.CLIENT_RATE_LIMITED
        return None

    def enter(self, tenant: str, user: str, session: str) -> None:
        """Count a wire in."""
        self._users[tenant, user] += 1
        self._tenants[tenant] += 1
        self._wires[session] += 1
        self.total += 1

    def leave(self, tenant: str, user: str, session: str) -> None:
        """Count a wire out."""
        self.total -= 1
        decrease(self._wires, session)
        decrease(self._users, (tenant, user))
        decrease(self._tenants, tenant)


Key = TypeVar("Key")


def decrease(counter: Counter[Key], key: Key) -> None:
    """Count one out of `key`; a count of zero is not kept."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
