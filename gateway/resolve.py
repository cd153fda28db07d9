"""What a gateway's name resolves to: asked of the system, or of name servers that the operator names.

Naming them (ITM's own, or a resolver near it) makes a connector or a launcher see what ITM answers for its
own network. Knows names, addresses and how long an answer holds; measures and dials nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.address import split_address
from gateway.errors import ConfigError, Unreachable

DNS_PORT: Final = 53
ANSWER_SECONDS: Final = 3.0
SYSTEM_SECONDS: Final = 30.0
"""How long an answer of the system's resolver is taken to hold: getaddrinfo tells no TTL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The addresses of a name, IPv4 first, each once; they hold for so many seconds."""

    addresses: tuple[str, ...]
    seconds: float


Resolve = Callable[[str], Awaitable[Answer]]
"""Name in, its addresses out; `Unreachable` names the name and what went wrong."""


async def by_system(name: str) -> Answer:
    """Ask as every other program on this machine does."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{name}: {error}") from error
    return Answer(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)), SYSTEM_SECONDS)


def parse_servers(texts: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return name servers from `ADDRESS` or `ADDRESS:PORT` (IPv6: `[ADDRESS]:PORT`). Raises `ConfigError`."""
    return tuple(_parse_server(text) for text in texts)


def _parse_server(text: str) -> tuple[str, int]:
    host, port = text.strip("[]"), DNS_PORT
    if not _is_address(host):
        host, port = split_address(text)
    if not _is_address(host):
        raise ConfigError(f"resolver: expected the address of a name server, not {text!r}")
    return host, port


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def by_servers(servers: Sequence[tuple[str, int]]) -> Resolve:
    """Return a resolver that asks these servers in turn (RFC 1035); no servers: the system."""
    if not servers:
        return by_system

    async def resolve(name: str) -> Answer:
        if _is_address(name):
            return Answer((name,), SYSTEM_SECONDS)
        outcomes = await asyncio.gather(
            *(_ask(servers, name, kind) for kind in ("A", "AAAA")), return_exceptions=True
        )
        answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
        addresses = tuple(address for answer in answers for address in answer.addresses)
        if not addresses:
            faults = [str(outcome) for outcome in outcomes if isinstance(outcome, Exception)]
            raise Unreachable(f"{name}: {faults[0] if faults else 'the name has no address'}")
        return Answer(addresses, min(answer.seconds for answer in answers if answer.addresses))

    return resolve


async def _ask(servers: Sequence[tuple[str, int]], name: str, kind: str) -> Answer:
    from dns.asyncresolver import Resolver  # here: 55 ms of CPU that most programs never need
    from dns.exception import DNSException
    from dns.nameserver import Do53Nameserver

    resolver = Resolver(configure=False)
    resolver.nameservers = [Do53Nameserver(*server) for server in servers]
    resolver.lifetime = ANSWER_SECONDS
    try:
        found = await resolver.resolve(name.rstrip(".") + ".", kind, raise_on_no_answer=False)
    except DNSException as error:
        raise Unreachable(f"{kind}: {error}") from error
    addresses = tuple(str(record) for record in found.rrset or ())
    return Answer(addresses, float(found.chaining_result.minimum_ttl))
