"""The checklist of what a modern authority must answer, row by row: a query, and what the answer must be.

Zone text is `asking.ZONE`. A row is asked over the transports it names, of the unsigned and of the signed
zone. Rows that need a clock, a socket or several steps are tests of their own: `ELSEWHERE` says which.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from itm.dns.name import encode
from tests.itm.dns.asking import Ask, Told, ecs, opt
from tests.itm.dns.malformed import MALFORMED

A, NS, CNAME, SOA, MX, TXT, AAAA, SRV, DS, HTTPS, ANY = 1, 2, 5, 6, 15, 16, 28, 33, 43, 65, 255
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 3, 4, 5, 9, 16
UDP, TCP, BOTH = (False,), (True,), (False, True)
NSID, COOKIE, KEEP_ALIVE, PADDING = 3, 10, 11, 12
GW, WWW, APEX = "gw.example.net.", "www.example.net.", "example.net."
CLIENT = b"8 bytes!"
DO = 0x8000
Check = Callable[[Told], bool]


def anything(_: Told) -> bool:
    return True


@dataclass(frozen=True)
class Row:
    """`rcode` None: silence. `answer`: the lines; None: whatever they are. `authority`: the types there.

    `options`: the codes of the reply's options. `is_error` rows have neither records nor AA.
    """

    ask: Ask | bytes
    rcode: int | None = NOERROR
    answer: tuple[str, ...] | None = ()
    authority: tuple[str, ...] | None = ()
    aa: bool = True
    options: frozenset[int] = frozenset()
    also: Check = anything
    transports: tuple[bool, ...] = BOTH

    @property
    def packet(self) -> bytes:
        return self.ask.packet() if isinstance(self.ask, Ask) else self.ask


def fault(
    ask: Ask | bytes, rcode: int | None = FORMERR, *options: int, transports: tuple[bool, ...] = BOTH
) -> Row:
    """An error: its rcode alone."""
    return Row(ask, rcode, aa=False, options=frozenset(options), transports=transports)


def some(ask: Ask, *options: int, also: Check = anything, transports: tuple[bool, ...] = BOTH) -> Row:
    """An answer, whatever it says."""
    return Row(ask, NOERROR, None, None, options=frozenset(options), also=also, transports=transports)


def told(name: str, rtype: int, *answer: str, options: tuple[tuple[int, bytes], ...] = ()) -> Row:
    """A positive answer of these records (owner left out where it is the name's)."""
    lines = tuple(line if line.split()[1].isdigit() else f"{name} {line}" for line in answer)
    return Row(Ask(name, rtype, options=options), NOERROR, lines, options=frozenset(c for c, _ in options))


def denied(name: str, rtype: int, rcode: int = NOERROR, *answer: str) -> Row:
    """NODATA or NXDOMAIN: one SOA, with the TTL of negative answers."""
    return Row(Ask(name, rtype), rcode, answer, ("SOA",), also=has_negative_ttl)


def has_negative_ttl(reply: Told) -> bool:
    return [line.split()[1] for line in reply.lines("authority") if " SOA " in line] == ["60"]


def bare(flags: int) -> bytes:
    return struct.pack(">6H", 0x1234, flags, 0, 0, 0, 0)


def subnet(family: int, source: int, scope: int, address: bytes) -> tuple[int, bytes]:
    return 8, struct.pack(">HBB", family, source, scope) + address


def tsig(name: bytes = b"\x03key\0") -> bytes:
    rdata = b"\x0bhmac-sha256\0" + bytes(6) + b"\x01\x2c" + b"\0\x04abcd" + b"\x12\x34\0\0\0\0"
    return name + struct.pack(">HHIH", 250, 255, 0, len(rdata)) + rdata


def chaos(name: str, text: str) -> Row:
    """Class CHAOS: what the operator chose to say of itself; refused where that is nothing."""
    if not text:
        return fault(Ask(name, TXT, 3), REFUSED, 15)
    return Row(Ask(name, TXT, 3), answer=(f'{name} 0 TXT "{text}"',))


def scope_0(name: str, rtype: int, rcode: int = NOERROR, *, aa: bool = True) -> Row:
    def is_echoed(reply: Told) -> bool:
        return reply.subnet == (1, 24, 0, b"\x0a\x01\x02")

    options = (ecs("10.1.2.0/24"),)
    return Row(Ask(name, rtype, options=options), rcode, None, None, aa, frozenset({8}), is_echoed)


def echoed(prefix: str) -> Row:
    sent = ecs(prefix)[1]

    def is_exact(reply: Told) -> bool:
        return reply.options[8][:3] + reply.options[8][4:] == sent[:3] + sent[4:]

    return some(Ask(GW, A, options=(ecs(prefix),)), 8, also=is_exact)


def sized(name: str, payload: int | None) -> Row:
    """At most what is offered and 1232; what is cut has TC and no records."""
    room = min(max(payload or 512, 512), 1232)

    def fits(reply: Told) -> bool:
        return len(reply.wire) <= room and (not reply.tc or not reply.lines("answer"))

    ask = Ask(f"{name}.example.net.", TXT, edns=payload is not None, payload=payload or 0)
    return some(ask, also=fits, transports=UDP)


def is_quoted(*names: bytes) -> Check:
    """The names stand in the reply uncompressed."""
    return lambda reply: all(encode(name.decode()) in reply.wire[12:] for name in names)


SIZES = {"noedns-512": None, "512": 512, "1232": 1232, "4096": 4096, "65535": 65535}
LONG = (b"\x3f" + b"a" * 63) * 3 + b"\x31" + b"b" * 49 + encode(APEX)
BINARY = b"\x04\x00.\xff@" + encode(APEX)
IXFR = Ask(
    qtype=251, counts=(1, 0, 1, 0), edns=False, extra=b"\0" + struct.pack(">HHIH", 6, 1, 0, 22) + bytes(22)
)

HEADER = {
    "soa-plain": some(Ask(edns=False, flags=0), also=lambda reply: reply.flags == 0x8400),
    "rd-copied": some(Ask(flags=0x0100), also=lambda reply: reply.flags == 0x8500),
    "z-cleared": some(Ask(flags=0x0040), also=lambda reply: reply.flags == 0x8400),
    "ad-query": some(Ask(flags=0x0020), also=lambda reply: reply.flags == 0x8400),
    "cd-query": some(Ask(flags=0x0010)),
    "aa-tc-ra-in-query": some(Ask(flags=0x0680), also=lambda reply: reply.flags == 0x8400),
    "qr1-dropped": fault(Ask(flags=0x8000), None),
    **{f"opcode-{n}": fault(Ask(flags=n << 11), NOTIMP) for n in (1, 2, 3, 4, 5, 6, 15)},
    "opcode-15-header-only": fault(bare(15 << 11), NOTIMP),
    "qdcount-0": fault(bare(0)),
    "qname-max": Row(Ask(raw_name=LONG, qtype=A), NXDOMAIN, authority=("SOA",)),
    "qname-binary": Row(Ask(raw_name=BINARY, qtype=A), NXDOMAIN, authority=("SOA",)),
    "out-of-zone": fault(Ask("example.org.", A), REFUSED, 15),
    "parent-name": fault(Ask("net.", NS), REFUSED, 15),
    "root-ns": fault(Ask(".", NS), REFUSED, 15),
    **{f"chaos-{name}": chaos(f"{name}.", "") for name in ("version.bind", "version.server")},
    **{f"chaos-{name}": chaos(f"{name}.", "ams-1") for name in ("id.server", "hostname.bind")},
    **{
        f"class-{name}": fault(Ask(qclass=number), REFUSED, 15)
        for name, number in {"cs": 2, "hesiod": 4, "none": 254, "any": 255, "private": 65280}.items()
    },
    **{f"type-{n}": denied(WWW, n) for n in (666, 1000, 65280, 65535, 0, 3, 4, 10, 38, 99, 108, 256, 32768)},
    "type-128": fault(Ask(WWW, 128), FORMERR, 15),
    "metatype-OPT": fault(Ask(WWW, 41)),
    "metatype-TSIG": fault(Ask(WWW, 250)),
    **{
        f"metatype-{n}": fault(Ask(WWW, c), NOTIMP)
        for n, c in {"TKEY": 249, "MAILA": 254, "MAILB": 253}.items()
    },
    "axfr-udp": fault(Ask(qtype=252), REFUSED, 15, transports=UDP),
    "axfr-tcp": fault(Ask(qtype=252), REFUSED, 15, transports=TCP),
    "ixfr-udp": fault(IXFR, REFUSED, transports=UDP),
    "ixfr-tcp": fault(IXFR, REFUSED, transports=TCP),
    "tsig-unknown-key": fault(Ask(counts=(1, 0, 0, 2), extra=tsig()), NOTAUTH),
}
_AS_NAMED = {
    "qdcount-2": "qdcount-2", "qdcount-lie": "qdcount-lie", "answer-in-query": "answer-in-query",
    "trailing-bytes": "trailing-bytes", "question-missing": "question-missing",
    "question-cut": "question-cut", "qname-pointer-self": "qname-pointer-self",
    "qname-pointer-fwd": "qname-pointer-forward",
    "label-type-40": "label-type-40", "label-type-80": "label-type-80", "qname-257": "qname-257",
    "edns-two-opt": "two-opt", "edns-opt-owner": "opt-owner", "edns-rdlen-overrun": "opt-rdlen-overrun",
    "edns-optlen-overrun": "option-overrun", "edns-option-cut": "option-cut",
    "edns-opt-in-answer": "opt-in-answer",
}  # fmt: skip
BROKEN = {
    **{row: fault(MALFORMED[packet]) for row, packet in _AS_NAMED.items()},
    "nxname-qtype": fault(MALFORMED["type-nxname"], FORMERR, 15),
    "short-empty": fault(b"", None),
    "short-1-byte": fault(b"\x12", None),
    "short-11-bytes": fault(bare(0)[:11], None),
}
OPT = {
    "edns0": some(Ask(), also=lambda reply: reply.opt_ttl == 0),
    "edns-size": some(Ask(), also=lambda reply: reply.message.payload == 1232),
    **{f"edns-version-{n}": fault(Ask(ttl=n << 16), BADVERS) for n in (1, 255)},
    "edns1-unknown-opt": fault(Ask(ttl=1 << 16, options=((100, b"x"),)), BADVERS),
    **{
        f"edns-opt-{n}": some(Ask(options=((n, b"attic"),)), also=lambda reply: b"attic" not in reply.wire)
        for n in (100, 65001, 5, 6, 7, 14, 16, 17, 18, 19)
    },
    "edns-z-flags": some(Ask(ttl=0x7FFF), also=lambda reply: reply.opt_ttl == 0),
    "do-echo": some(Ask(ttl=DO), also=lambda reply: reply.opt_ttl == DO),
    "edns-40-options": some(Ask(options=((65001, b"x"),) * 40)),
    "edns-ext-rcode-in-query": some(Ask(ttl=0xFF << 24), also=lambda reply: reply.opt_ttl == 0),
    "nsid": some(Ask(options=((NSID, b""),)), NSID, also=lambda reply: reply.options[NSID] == b"ams-1"),
    "nsid-unasked": some(Ask()),
    "nsid-payload": some(
        Ask(options=((NSID, b"attic"),)), NSID, also=lambda reply: reply.options[NSID] == b"ams-1"
    ),
    "keepalive-udp": some(Ask(options=((KEEP_ALIVE, b""),)), transports=UDP),
    "keepalive-tcp": some(
        Ask(options=((KEEP_ALIVE, b""),)),
        KEEP_ALIVE,
        also=lambda reply: reply.options[KEEP_ALIVE] == b"\0\x64",
        transports=TCP,
    ),
    "padding-udp": some(Ask(options=((PADDING, bytes(64)),)), transports=UDP),
    "ede-refused": fault(Ask("example.org."), REFUSED, 15),
    "edns-nxdomain": denied("no.example.net.", A, NXDOMAIN),
    "edns-notimp-has-opt": fault(Ask(flags=15 << 11), NOTIMP),
}
ECS = {
    "ecs-unasked": some(Ask(GW, A)),
    **{
        f"ecs-{name}": echoed(prefix)
        for name, prefix in {
            "v4-24": "133.11.7.0/24", "v4-16": "133.11.0.0/16", "v4-32": "133.11.7.9/32",
            "v4-8": "10.0.0.0/8", "v4-25": "133.11.7.128/25", "v6-32": "2001:db8::/32",
            "v6-48": "2001:db8:1::/48", "v6-56": "2001:db8:1:ff00::/56", "v6-128": "2001:db8::9/128",
        }.items()
    },
    "ecs-source-0": some(
        Ask(GW, A, options=(ecs("0.0.0.0/0"),)), 8, also=lambda reply: reply.subnet == (1, 0, 0, b"")
    ),
    **{
        f"ecs-{name}": fault(Ask(GW, A, options=(option,)))
        for name, option in {
            "bad-family-0": subnet(0, 24, 0, b"\1\2\3"),
            "bad-family-3": subnet(3, 24, 0, b"\1\2\3"),
            "bad-family-65535": subnet(65535, 24, 0, b"\1\2\3"),
            "bad-too-few-octets": subnet(1, 24, 0, b"\1\2"),
            "bad-too-many-octets": subnet(1, 24, 0, b"\1\2\3\4"),
            "bad-host-bits": subnet(1, 20, 0, b"\1\2\3"),
            "bad-v4-prefix-33": subnet(1, 33, 0, b"\1\2\3\4\0"),
            "bad-v6-prefix-129": subnet(2, 129, 0, bytes(17)),
            "bad-scope-nonzero-in-query": subnet(1, 24, 24, b"\1\2\3"),
            "bad-len-0": (8, b""),
            "bad-len-3": (8, b"\0\1\x18"),
            "bad-len-huge": (8, bytes(200)),
            "family0-source0": subnet(0, 0, 0, b""),
        }.items()
    },
    "ecs-twice": fault(Ask(GW, A, options=(ecs("10.1.2.0/24"),) * 2)),
    "ecs-scope0-nxdomain": scope_0("no.example.net.", A, NXDOMAIN),
    "ecs-scope0-nodata": scope_0(WWW, MX),
    "ecs-scope0-soa": scope_0(APEX, SOA),
    "ecs-scope0-ns": scope_0(APEX, NS),
    "ecs-scope0-referral": scope_0("host.sub.example.net.", A, aa=False),
    "ecs-case": told("GW.example.net.", A, "20 A 127.20.0.2", options=(ecs("133.11.0.0/24"),)),
}  # fmt: skip
REFERRED = ("NS", "NS")
NAMES = {
    "0x20-echo": some(Ask("wWw.ExAmPlE.nEt.", A), also=lambda reply: b"\3wWw\7ExAmPlE\3nEt" in reply.wire),
    "nxdomain": denied("no.example.net.", A, NXDOMAIN),
    "neg-ttl": denied("no.example.net.", A, NXDOMAIN),
    "nodata": denied(WWW, MX),
    "ent-nodata": denied("b.ent.example.net.", A),
    "ent-sibling": denied("c.ent.example.net.", A, NXDOMAIN),
    "below-leaf": denied("below.www.example.net.", A, NXDOMAIN),
    "wildcard": told("x.wild.example.net.", TXT, '300 TXT "wild"'),
    "wildcard-deep": told("x.y.z.wild.example.net.", A, "300 A 192.0.2.99"),
    "wildcard-nodata": denied("x.wild.example.net.", MX),
    "wildcard-literal": told("*.wild.example.net.", TXT, '300 TXT "wild"'),
    "wildcard-parent": denied("wild.example.net.", TXT),
    "cname-chase": told(
        "alias.example.net.", AAAA, "300 CNAME www.example.net.", f"{WWW} 300 AAAA 2001:db8::80"
    ),
    "cname-qtype": told("alias.example.net.", CNAME, "300 CNAME www.example.net."),
    "cname-external": told("outside.example.net.", A, "300 CNAME www.example.org."),
    "cname-dangling": denied(
        "dangling.example.net.", A, NXDOMAIN, "dangling.example.net. 300 CNAME nowhere.example.net."
    ),
    "cname-nodata": denied("alias.example.net.", MX, NOERROR, f"alias.example.net. 300 CNAME {WWW}"),
    "referral": Row(
        Ask("host.sub.example.net.", A), authority=REFERRED, aa=False,
        also=lambda reply: "ns.sub.example.net. 300 A 192.0.2.53" in reply.lines("additional"),
    ),
    "cut-ns": Row(Ask("sub.example.net.", NS), authority=REFERRED, aa=False),
    "cut-ds": denied("sub.example.net.", DS),
    "glue-not-authoritative": Row(Ask("ns.sub.example.net.", A), authority=REFERRED, aa=False),
    "apex-ns": Row(
        Ask(APEX, NS), answer=(f"{APEX} 300 NS ns1.example.net.", f"{APEX} 300 NS ns2.example.org."),
        also=lambda reply: "ns1.example.net. 300 A 192.0.2.1" in reply.lines("additional"),
    ),
    "apex-ds": denied(APEX, DS),
    "any-udp": some(Ask(WWW, ANY), also=lambda reply: not reply.tc and len(reply.lines("answer")) <= 2),
    "any-cname": told("alias.example.net.", ANY, "300 CNAME www.example.net."),
    "https-rr": told("web.example.net.", HTTPS, '300 HTTPS 1 . alpn="h2,h3" ipv4hint="192.0.2.80"'),
    "srv-uncompressed": some(Ask("_sip._tcp.example.net.", SRV), also=is_quoted(b"mail.example.net.")),
    "compression": some(Ask(WWW, A), also=lambda reply: reply.wire.count(b"\7example\3net") == 1),
}  # fmt: skip
LENGTHS = {
    **{
        f"size-{n}-{word}": sized(n, room)
        for n in ("many", "mid", "big", "huge")
        for word, room in SIZES.items()
    },
    **{f"udpmax-{name}": sized(name, 4096) for name in ("many", "mid", "big", "huge")},
    **{f"edns-size-{room}": sized("mid", room) for room in (0, 100, 511)},
    "tc-has-opt": some(
        Ask("huge.example.net.", TXT), also=lambda reply: reply.tc and reply.opt_ttl == 0, transports=UDP
    ),
}
COOKIES = {
    "cookie-client": some(
        Ask(options=((COOKIE, CLIENT),)), COOKIE, also=lambda reply: reply.options[COOKIE][:8] == CLIENT
    ),
    "cookie-support": some(
        Ask(options=((COOKIE, CLIENT),)), COOKIE, also=lambda reply: len(reply.options[COOKIE]) == 24
    ),
    "cookie-invalid": some(
        Ask(options=((COOKIE, CLIENT + bytes(16)),)),
        COOKIE,
        also=lambda reply: reply.options[COOKIE][8:] != bytes(16),
    ),
    **{f"cookie-len-{n}": fault(Ask(options=((COOKIE, bytes(n)),))) for n in (0, 7, 9, 15, 41)},
    "cookie-qdcount0": Row(
        bare(0)[:11] + b"\1" + opt(struct.pack(">HH", COOKIE, 8) + CLIENT),
        aa=False,
        options=frozenset({COOKIE}),
    ),
}
ROWS = HEADER | BROKEN | OPT | ECS | NAMES | LENGTHS | COOKIES
STREAMS = (
    "tcp-reuse", "tcp-pipeline-20", "tcp-pipeline-200", "tcp-bytewise", "tcp-half-close", "tcp-len-0",
    "tcp-junk", "tcp-64k-query", "tcp-idle-none", "tcp-idle-query", "tcp-idle-partial",
)  # fmt: skip
"""Rows of that file's own table, by the same names."""
ELSEWHERE = {
    "ecs-scope-no-overlap": "test_answer:test_one_scope_one_answer_with_each_pop_masked",
    "ecs-varies": "test_answer:test_steered_by_client_subnet",
    "ecs-tcp-same": "test_answer:test_steered_by_client_subnet",
    "soa-serial-tcp": "test_answer_zone:test_what_the_zone_says",
    **dict.fromkeys(STREAMS, "test_tcp_checklist:test_row"),
    "tcp-alive-after": "test_tcp_checklist:test_row",
    "tcp-idle-flood-100": "test_tcp_checklist:test_idle_flood",
    "tcp-idle-flood-1000": "test_tcp_checklist:test_idle_flood",
    "rrsig-per-geo": "test_answer_signed:test_every_variant_is_signed",
    "nxdomain-proof": "test_answer_signed:test_denials",
    "nodata-proof": "test_answer_signed:test_denials",
    "wildcard-proof": "test_answer_signed:test_denials",
    "unsigned-referral-proof": "test_answer_signed:test_denials",
    "amplification": "test_amplification:test_no_reply_pays",
    "rrl": "test_answer_options:test_replies_above_the_rate",
    "alive-at-end": "test_answer:test_mutated_packets",
    "cookie-9018": "test_cookie:test_the_vectors_of_the_rfc",
    "cookie-valid": "test_answer_options:test_cookies",
    **{
        name: f"test_answer_checklist:test_{test}"
        for name, test in {
            "no-rrsig-without-do": "signatures_only_with_do",
            "rrsig-SOA": "signatures",
            "rrsig-NS": "signatures",
            "rrsig-DNSKEY": "signatures",
            "rrsig-A": "signatures",
            "cds": "signatures",
            "cdnskey": "signatures",
            "signed": "signatures",
            "dnskey-size": "the_key_set_fits",
            "rrsig-window": "the_time_of_signatures",
            "nsec3-params": "there_is_no_nsec3",
        }.items()
    },
}
