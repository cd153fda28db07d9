"""What an unsigned zone says: zone text in (`asking.ZONE`), expected answer out."""

from __future__ import annotations

import pytest

from itm.dns.answer import Answerer
from tests.itm.dns.asking import Ask, demo_answerer, ecs, tell

A, NS, CNAME, SOA, MX, TXT, AAAA, SRV = 1, 2, 5, 6, 15, 16, 28, 33
DS, HTTPS, CAA, ANY = 43, 65, 257, 255
NXDOMAIN = 3
NEGATIVE = "example.net. 60 SOA ns1.example.net. hostmaster.example.net. 2024010101 7200 3600 1209600 60"


@pytest.fixture
def server() -> Answerer:
    return demo_answerer()


# Each row: name and type; then rcode, the AA bit, and the three sections.
TABLE = [
    ("example.net.", SOA, 0, True, [NEGATIVE.replace(" 60 SOA", " 300 SOA")], [], []),
    (
        "example.net.",
        NS,
        0,
        True,
        ["example.net. 300 NS ns1.example.net.", "example.net. 300 NS ns2.example.org."],
        [],
        ["ns1.example.net. 300 A 192.0.2.1", "ns1.example.net. 300 AAAA 2001:db8::1"],
    ),
    (
        "example.net.",
        MX,
        0,
        True,
        ["example.net. 300 MX 10 mail.example.net."],
        [],
        ["mail.example.net. 600 A 192.0.2.25"],
    ),
    ("example.net.", CAA, 0, True, ['example.net. 300 CAA 0 issue "ca.example.org"'], [], []),
    ("example.net.", TXT, 0, True, ['example.net. 300 TXT "v=spf1 -all" "second string"'], [], []),
    ("www.example.net.", A, 0, True, [f"www.example.net. 300 A 192.0.2.8{i}" for i in (0, 1)], [], []),
    ("www.example.net.", AAAA, 0, True, ["www.example.net. 300 AAAA 2001:db8::80"], [], []),
    (
        "web.example.net.",
        HTTPS,
        0,
        True,
        ['web.example.net. 300 HTTPS 1 . alpn="h2,h3" ipv4hint="192.0.2.80"'],
        [],
        [],
    ),
    (
        "_sip._tcp.example.net.",
        SRV,
        0,
        True,
        ["_sip._tcp.example.net. 300 SRV 10 60 5061 mail.example.net."],
        [],
        ["mail.example.net. 600 A 192.0.2.25"],
    ),
    # negative answers (RFC 2308): one SOA, TTL = min(SOA TTL, MINIMUM)
    ("no.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    ("a.b.no.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    ("www.example.net.", MX, 0, True, [], [NEGATIVE], []),
    ("below.www.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    # DNAME (RFC 6672): its owner is an ordinary name, what lies below is elsewhere
    ("old.example.net.", 39, 0, True, ["old.example.net. 300 DNAME new.example.net."], [], []),
    ("old.example.net.", A, 0, True, [], [NEGATIVE], []),
    (
        "x.old.example.net.",
        A,
        0,
        True,
        [
            "old.example.net. 300 DNAME new.example.net.",
            "x.old.example.net. 300 CNAME x.new.example.net.",
            "x.new.example.net. 300 A 192.0.2.90",
        ],
        [],
        [],
    ),
    (
        "al.old.example.net.",
        CNAME,
        0,
        True,
        ["old.example.net. 300 DNAME new.example.net.", "al.old.example.net. 300 CNAME al.new.example.net."],
        [],
        [],
    ),
    (
        "no.old.example.net.",
        A,
        NXDOMAIN,
        True,
        ["old.example.net. 300 DNAME new.example.net.", "no.old.example.net. 300 CNAME no.new.example.net."],
        [NEGATIVE],
        [],
    ),
    (
        "a.b.moved.example.net.",
        A,
        0,
        True,
        ["moved.example.net. 300 DNAME example.org.", "a.b.moved.example.net. 300 CNAME a.b.example.org."],
        [],
        [],
    ),
    # empty non-terminals (RFC 8020, 4592 2.2.2)
    ("ent.example.net.", TXT, 0, True, [], [NEGATIVE], []),
    ("b.ent.example.net.", A, 0, True, [], [NEGATIVE], []),
    ("c.ent.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    ("_tcp.example.net.", A, 0, True, [], [NEGATIVE], []),
    # wildcards (RFC 4592)
    ("x.wild.example.net.", TXT, 0, True, ['x.wild.example.net. 300 TXT "wild"'], [], []),
    ("x.y.z.wild.example.net.", A, 0, True, ["x.y.z.wild.example.net. 300 A 192.0.2.99"], [], []),
    ("x.wild.example.net.", MX, 0, True, [], [NEGATIVE], []),
    ("*.wild.example.net.", TXT, 0, True, ['*.wild.example.net. 300 TXT "wild"'], [], []),
    ("wild.example.net.", TXT, 0, True, [], [NEGATIVE], []),
    ("here.wild.example.net.", A, 0, True, [], [NEGATIVE], []),
    ("x.here.wild.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    (
        "q.wcname.example.net.",
        AAAA,
        0,
        True,
        ["q.wcname.example.net. 300 CNAME www.example.net.", "www.example.net. 300 AAAA 2001:db8::80"],
        [],
        [],
    ),
    # CNAME (RFC 1034 4.3.2, 6604, 2308)
    (
        "alias2.example.net.",
        AAAA,
        0,
        True,
        [
            "alias2.example.net. 300 CNAME alias.example.net.",
            "alias.example.net. 300 CNAME www.example.net.",
            "www.example.net. 300 AAAA 2001:db8::80",
        ],
        [],
        [],
    ),
    ("alias.example.net.", CNAME, 0, True, ["alias.example.net. 300 CNAME www.example.net."], [], []),
    ("alias.example.net.", ANY, 0, True, ["alias.example.net. 300 CNAME www.example.net."], [], []),
    ("alias.example.net.", MX, 0, True, ["alias.example.net. 300 CNAME www.example.net."], [NEGATIVE], []),
    ("outside.example.net.", A, 0, True, ["outside.example.net. 300 CNAME www.example.org."], [], []),
    (
        "dangling.example.net.",
        A,
        NXDOMAIN,
        True,
        ["dangling.example.net. 300 CNAME nowhere.example.net."],
        [NEGATIVE],
        [],
    ),
    ("intocut.example.net.", A, 0, True, ["intocut.example.net. 300 CNAME host.sub.example.net."], [], []),
    # RFC 7871 7.2.1: only the first CNAME when the address below it is steered
    ("togw.example.net.", A, 0, True, ["togw.example.net. 300 CNAME gw.example.net."], [], []),
    # ANY (RFC 8482 4.2)
    ("www.example.net.", ANY, 0, True, ['www.example.net. 3600 HINFO "RFC8482" ""'], [], []),
    ("gw.example.net.", ANY, 0, True, ['gw.example.net. 3600 HINFO "RFC8482" ""'], [], []),
    ("ent.example.net.", ANY, 0, True, [], [NEGATIVE], []),
    # types nobody has (RFC 3597, 8906 8.1.2)
    *[
        ("www.example.net.", rtype, 0, True, [], [NEGATIVE], [])
        for rtype in (0, 3, 4, 10, 38, 46, 47, 99, 108, 256, 666, 1000, 32768, 65280, 65535)
    ],
    # the steered name's other types are static
    ("gw.example.net.", TXT, 0, True, ['gw.example.net. 300 TXT "steered addresses, static text"'], [], []),
    ("gw.example.net.", MX, 0, True, [], [NEGATIVE], []),
    ("gw.example.net.", HTTPS, 0, True, [], [NEGATIVE], []),
    ("v4.gw2.example.net.", A, 0, True, ["v4.gw2.example.net. 30 A 192.0.2.201"], [], []),
    ("v4.gw2.example.net.", AAAA, 0, True, [], [NEGATIVE], []),
    # the parent's side of a cut (RFC 4035 3.1.4.1)
    ("sub.example.net.", DS, 0, True, [], [NEGATIVE], []),
    ("example.net.", DS, 0, True, [], [NEGATIVE], []),
]
REFERRAL = ["sub.example.net. 300 NS ns.sub.example.net.", "sub.example.net. 300 NS ns1.example.net."]
GLUE = ["ns.sub.example.net. 300 A 192.0.2.53", "ns1.example.net. 300 A 192.0.2.1"]
GLUE += ["ns1.example.net. 300 AAAA 2001:db8::1"]
TABLE += [
    (name, rtype, 0, False, [], REFERRAL, GLUE)
    for name, rtype in [
        ("sub.example.net.", NS),
        ("sub.example.net.", A),
        ("host.sub.example.net.", A),
        ("a.b.c.sub.example.net.", TXT),
        ("ns.sub.example.net.", A),  # glue is not authoritative data
        ("x.sub.example.net.", DS),
    ]
]


@pytest.mark.parametrize(("name", "rtype", "rcode", "aa", "answer", "authority", "additional"), TABLE)
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_what_the_zone_says(
    server: Answerer,
    name: str,
    rtype: int,
    rcode: int,
    aa: bool,
    answer: list[str],
    authority: list[str],
    additional: list[str],
    tcp: bool,
) -> None:
    """Each row of the table, over UDP and TCP, with OPT and Client Subnet: scope 0 for static answers."""
    told = tell(server, Ask(name, rtype, options=(ecs("10.1.2.0/24"),)), tcp=tcp)
    assert (told.rcode, told.aa, told.tc) == (rcode, aa, False)
    assert told.lines("answer") == answer
    assert told.lines("authority") == authority
    assert told.lines("additional") == additional
    assert told.subnet == (1, 24, 0, b"\x0a\x01\x02")
    plain = tell(server, Ask(name, rtype, edns=False), tcp=True)
    assert plain.opt_ttl is None
    assert (plain.lines("answer"), plain.lines("authority"), plain.lines("additional")) == (
        answer,
        authority,
        additional,
    )
