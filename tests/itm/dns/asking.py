"""Queries made byte by byte and replies read through dnspython, for the tests of this package."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field, replace

import dns.message
import dns.rdatatype
import numpy as np

from itm.catalog.types import PLAIN, Form, ZoneText
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.name import encode
from itm.routemap.routemap import ClassMap, PopAnswer, RouteMap, ServiceAnswer
from itm.routemap.table import PrefixTable

ZONE = """
$TTL 300
@            IN SOA ns1 hostmaster ( 2024010101 7200 3600
                                     1209600 60 ) ; minimum below the TTL
@            IN NS  ns1
@            IN NS  ns2.example.org.
@            IN MX  10 mail
@            IN CAA 0 issue "ca.example.org"
@            IN TXT "v=spf1 -all" "second string"
ns1          IN A   192.0.2.1
ns1          IN AAAA 2001:db8::1
mail   600   IN A   192.0.2.25
www          IN A   192.0.2.80
www          IN A   192.0.2.81
www          IN AAAA 2001:db8::80
web          IN HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.80
_sip._tcp    IN SRV 10 60 5061 mail
a.b.ent      IN TXT "below an empty non-terminal"
*.wild       IN TXT "wild"
*.wild       IN A   192.0.2.99
here.wild    IN TXT "not wild"
alias        IN CNAME www
alias2       IN CNAME alias
dangling     IN CNAME nowhere
outside      IN CNAME www.example.org.
togw         IN CNAME gw
intocut      IN CNAME host.sub
*.wcname     IN CNAME www
sub          IN NS  ns.sub
sub          IN NS  ns1
ns.sub       IN A   192.0.2.53
secure       IN NS  ns1
secure       IN DS  60485 13 2 ( D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A )
mid          IN TXT ( "{x}" "{x}" "{x}" )
$GENERATE 1-60 many IN TXT "text $ of the many at one name"
big          IN TXT ( "{x}" "{x}" "{x}" "{x}" "{x}" )
huge         IN TXT ( {many} )
old          IN DNAME new
moved        IN DNAME example.org.
x.new        IN A   192.0.2.90
al.new       IN CNAME x.new
gw           IN TXT "steered addresses, static text"
""".format(x="x" * 250, many=" ".join(['"' + "y" * 250 + '"'] * 20))


def demo_map() -> RouteMap:
    """Three POPs. 10.0.0.0/9 -> ams; 133.11.0.0/16 -> tyo but for one /24; the rest of the world -> nyc."""
    leaves = np.array([[2, 0], [0, 2], [1, 0]], "<u2")  # nyc, ams, tyo first
    units = [0, 10 << 16, (10 << 16) + (1 << 15), 133 << 16 | 11 << 8, 133 << 16 | 11 << 8 | 7]
    units += [133 << 16 | 11 << 8 | 8, 133 << 16 | 12 << 8]
    v6 = [0, 0x20010DB80000, 0x20010DB80001]
    one = ClassMap(
        leaves,
        np.zeros(3, "<u2"),
        (np.array([0, 1, 2], "<u2"),),
        PrefixTable(24, np.array(units, "<u4"), np.array([0, 1, 0, 2, 1, 2, 0], "<u4")),
        PrefixTable(48, np.array(v6, "<u8"), np.array([0, 2, 0], "<u4")),
    )
    pops = (
        PopAnswer("ams", ("127.20.0.1",), ("2001:db8:20::1",)),
        PopAnswer("tyo", ("127.20.0.2",)),  # no IPv6
        PopAnswer("nyc", ("127.20.0.3",), ("2001:db8:20::3",)),
    )
    services = (
        ServiceAnswer("gw.example.net.", 0, 20, ("192.0.2.200",), ()),
        ServiceAnswer("v4.gw2.example.net.", -1, 30, ("192.0.2.201",), ()),
    )
    zones = (ZoneText("example.net.", ZONE),)
    return RouteMap(7, 1.7e9, 1, "latency", pops, services, (one,), zones)


def with_ttls(routemap: RouteMap, ttl: tuple[int, ...], most: int) -> RouteMap:
    """The map with these classes of TTL at its leaves, up to `most` seconds."""
    one = replace(routemap.classes[0], ttl=np.array(ttl, "<u1"))
    services = tuple(replace(service, ttl_most=most) for service in routemap.services)
    return replace(routemap, classes=(one,), services=services)


def demo_answerer() -> Answerer:
    return Answerer(build(demo_map()))


@dataclass(frozen=True)
class Ask:
    """One query, byte by byte. `options` are (code, data); `edns` False leaves OPT away."""

    name: str = "example.net."
    qtype: int = 6
    qclass: int = 1
    id: int = 0x1234
    flags: int = 0x0100
    edns: bool = True
    payload: int = 1232
    ttl: int = 0  # extended rcode, version, flags
    options: tuple[tuple[int, bytes], ...] = ()
    counts: tuple[int, int, int, int] | None = None
    extra: bytes = b""
    raw_name: bytes | None = None

    @property
    def question(self) -> bytes:
        name = self.raw_name if self.raw_name is not None else encode(self.name)
        return name + struct.pack(">HH", self.qtype, self.qclass)

    def packet(self) -> bytes:
        counts = self.counts or (1, 0, 0, int(self.edns))
        out = struct.pack(">6H", self.id, self.flags, *counts) + self.question
        if self.edns:
            data = b"".join(struct.pack(">HH", code, len(body)) + body for code, body in self.options)
            out += opt(data, payload=self.payload, ttl=self.ttl)
        return out + self.extra


def opt(
    data: bytes = b"", *, payload: int = 1232, ttl: int = 0, owner: bytes = b"\0", length: int = -1
) -> bytes:
    size = length if length >= 0 else len(data)
    return owner + struct.pack(">HHIH", 41, payload, ttl, size) + data


def ecs(prefix: str, *, family: int = 0, scope: int = 0) -> tuple[int, bytes]:
    """The Client Subnet option of `10.1.0.0/16` or `2001:db8::/48`."""
    network = ipaddress.ip_network(prefix)
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    code = family or (1 if network.version == 4 else 2)
    return 8, struct.pack(">HBB", code, network.prefixlen, scope) + octets


@dataclass
class Told:
    """A reply taken apart, strictly: dnspython must accept every byte of it."""

    wire: bytes
    message: dns.message.Message = field(init=False)

    def __post_init__(self) -> None:
        # One RRset per record: what stands twice must not be merged away.
        self.message = dns.message.from_wire(self.wire, one_rr_per_rrset=True, keyring=False)

    @property
    def flags(self) -> int:
        return int.from_bytes(self.wire[2:4], "big")

    @property
    def rcode(self) -> int:
        return int(self.message.rcode())

    @property
    def aa(self) -> bool:
        return bool(self.flags & 0x0400)

    @property
    def tc(self) -> bool:
        return bool(self.flags & 0x0200)

    @property
    def opt_ttl(self) -> int | None:
        """The TTL field of OPT (extended rcode, version, flags); None without OPT."""
        return self.message.ednsflags if self.message.edns >= 0 else None

    @property
    def options(self) -> dict[int, bytes]:
        return {int(o.otype): o.to_wire() or b"" for o in self.message.options}

    @property
    def subnet(self) -> tuple[int, int, int, bytes] | None:
        """(family, source, scope, address) of the echoed option."""
        data = self.options.get(8)
        return (*struct.unpack(">HBB", data[:4]), data[4:]) if data else None

    def lines(self, section: str) -> list[str]:
        """The records of `answer`, `authority` or `additional` as `name TTL TYPE data`, OPT left out."""
        return [
            f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rrset[0]}"
            for rrset in getattr(self.message, section)
        ]


def tell(answerer: Answerer, ask: Ask, *, peer: str = "192.0.2.77", tcp: bool = False) -> Told:
    """Ask twice (the long path, then maybe the short one): the same bytes both times."""
    first = answerer.answer(ask.packet(), peer, tcp)
    again = answerer.answer(ask.packet(), peer, tcp)
    assert first is not None
    assert first == again
    return Told(first)


def services(*names: str, form: Form = PLAIN) -> tuple[ServiceAnswer, ...]:
    """Services of these names that no class decides."""
    return tuple(ServiceAnswer(name, -1, 20, form=form) for name in names)
