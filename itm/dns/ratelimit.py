"""Response rate limiting: how many replies of a kind one client network gets in a second (ISC-TN-2012-1).

Spoofed queries make a server flood the address they bear; what is above the rate is dropped, but for every
second one, which goes out truncated, so that a real client behind the address can come back over TCP. Counts
live for one second: memory is bounded by the packets of a second, and nothing is remembered of a client.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from itm.dns.networks import Networks, address_of

MAX_NETWORKS: Final = 65_536
"""Addresses whose network is kept at hand."""


class Kind(IntEnum):
    """Replies are counted by kind: positive ones for each name, the others for all names together.

    The names that a wildcard or a DNAME answers for count as one: they cost nothing to make up.
    """

    ANSWER = 0
    NEGATIVE = 1
    REFERRAL = 2
    ERROR = 3


class Verdict(IntEnum):
    """What becomes of a reply."""

    SEND = 0
    SLIP = 1
    DROP = 2


@dataclass(frozen=True, slots=True)
class Rates:
    """Replies per second and network, by kind; 0: not limited. Every `slip`-th limited one is truncated.

    `exempt` are networks (as text) that are never limited.
    """

    answers: int = 1000
    negatives: int = 100
    referrals: int = 100
    errors: int = 100
    slip: int = 2
    exempt: tuple[str, ...] = ()


class RateLimit:
    """Counts replies. IPv4 clients are counted by /24, IPv6 ones by /56."""

    def __init__(self, rates: Rates, clock: Callable[[], float]) -> None:
        self._most = (rates.answers, rates.negatives, rates.referrals, rates.errors)
        self._slip = rates.slip
        self._exempt = Networks(rates.exempt, "dns.rrl_exempt")
        self._clock = clock
        self._second = 0
        self._counts: dict[tuple[bytes, int, bytes], int] = {}
        self._networks: dict[str, bytes] = {}

    def judge(self, peer: str, kind: Kind, name: bytes) -> Verdict:
        """Count one reply to `peer` and say what becomes of it; `name` is whose records an answer holds."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._counts.clear()
        network = self._networks.get(peer)
        if network is None:
            network = self._learn(peer)
        most = self._most[kind]
        if not network or not most:
            return Verdict.SEND
        key = network, kind, name if kind is Kind.ANSWER else b""
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        if count <= most:
            return Verdict.SEND
        return Verdict.SLIP if self._slip and (count - most) % self._slip == 0 else Verdict.DROP

    def _learn(self, peer: str) -> bytes:
        """Return the bytes that a client is counted by, empty for an exempt one."""
        address = address_of(peer)
        network = b"" if peer in self._exempt else address.packed[: 3 if address.version == 4 else 7]
        if len(self._networks) >= MAX_NETWORKS:
            self._networks.clear()
        self._networks[peer] = network
        return network


def kind_of(reply: Sequence[int]) -> Kind:
    """Return the kind of a whole reply, from its header; a truncated one stands for an answer."""
    rcode = reply[3] & 0x0F
    has_answer = bool(reply[6] or reply[7] or reply[2] & 0x02)
    if rcode == 3 or (rcode == 0 and reply[2] & 0x04 and not has_answer):  # NXDOMAIN, or NODATA
        return Kind.NEGATIVE
    if rcode:
        return Kind.ERROR
    return Kind.ANSWER if has_answer else Kind.REFERRAL
