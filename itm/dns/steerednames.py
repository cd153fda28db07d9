"""What steering adds to zones: which types each service answers, and the POPs' own names below it.

Made from a map's services and POPs, or from a catalog's: both have names, forms and addresses. Knows no zone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from itm.catalog.types import Form
from itm.dns.name import encode
from itm.dns.rdata import AAAA, CNAME, HTTPS, SVCB, A, Rdata, RRset

Addresses = tuple[str, ...]


class Named(Protocol):
    """A service, as a catalog or a map has it."""

    @property
    def name(self) -> str:
        """The absolute name."""

    @property
    def ttl(self) -> int:
        """Seconds."""

    @property
    def form(self) -> Form:
        """What its answers look like."""

    @property
    def ipv4_values(self) -> Addresses:
        """The last resort."""

    @property
    def ipv6_values(self) -> Addresses:
        """The last resort."""


class Addressed(Protocol):
    """A POP, likewise."""

    @property
    def id(self) -> str:
        """Its id, the label of its own names."""

    @property
    def ipv4(self) -> Addresses:
        """Its addresses."""

    @property
    def ipv6(self) -> Addresses:
        """Its addresses."""


@dataclass(frozen=True, slots=True)
class SteeredNames:
    """By wire name: `reserved` are the types that only steering may answer there, `types` those that some
    network is answered; `direct` the RRsets of the POPs' own names.
    """

    reserved: Mapping[bytes, frozenset[int]] = field(default_factory=dict)
    types: Mapping[bytes, frozenset[int]] = field(default_factory=dict)
    direct: tuple[RRset, ...] = ()


NONE: Final = SteeredNames()


def names_of(services: Sequence[Named], pops: Sequence[Addressed]) -> SteeredNames:
    """Return what these services add. Raises `ValueError` for a POP's id that makes no name."""
    reserved, types, direct = {}, {}, []
    for service in services:
        name = encode(service.name.lower())
        reserved[name] = reserved_of(service.form)
        types[name] = types_of(service, pops)
        for pop in pops if service.form.has_direct else ():
            owner = direct_name(pop.id, service.name)
            for rtype, addresses in ((A, pop.ipv4), (AAAA, pop.ipv6)):
                if addresses:
                    direct.append(RRset(owner, rtype, service.ttl, rdatas_of(addresses)))
    return SteeredNames(reserved, types, tuple(direct))


def direct_name(pop: str, service: str) -> bytes:
    """Return a POP's own name below a service's, in lower case."""
    return encode(f"{pop}.{service}".lower())


def reserved_of(form: Form) -> frozenset[int]:
    """Return the types that only steering may answer at a service's name."""
    if form.is_alias:
        return frozenset({CNAME})
    return frozenset({A, AAAA, *bindings_of(form)})


def bindings_of(form: Form) -> dict[int, str]:
    """Return the parameters of the service bindings (RFC 9460) that stand beside the addresses, by type."""
    return {rtype: text for rtype, text in ((HTTPS, form.https), (SVCB, form.svcb)) if text}


def types_of(service: Named, pops: Sequence[Addressed]) -> frozenset[int]:
    """Return the types that some network is answered for a service."""
    if service.form.is_alias:
        return frozenset({CNAME})
    has = {
        A: bool(service.ipv4_values) or any(pop.ipv4 for pop in pops),
        AAAA: bool(service.ipv6_values) or any(pop.ipv6 for pop in pops),
    }
    found = {rtype for rtype, is_there in has.items() if is_there}
    return frozenset(found.union(bindings_of(service.form)) if found else found)


@lru_cache(maxsize=16_384)  # a thousand names answer the same POPs
def rdatas_of(addresses: Addresses) -> tuple[Rdata, ...]:
    """Return the data of address records."""
    return tuple(Rdata(ipaddress.ip_address(text).packed) for text in addresses)
