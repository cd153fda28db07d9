"""Steered answers: Client Subnet, health, books that change; and garbage."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest

from itm.dns.answer import Answerer, unit_of
from itm.dns.book import build
from itm.dns.name import encode
from itm.routemap.health import Content, HealthReader, HealthWriter, Slot, State
from itm.routemap.routemap import PopAnswer
from tests.itm.dns.asking import Ask, demo_answerer, demo_map, ecs, tell
from tests.itm.dns.malformed import MALFORMED
from tests.itm.routemap.worlds import random_map

A, NS, TXT, AAAA, SRV, HTTPS = 1, 2, 16, 28, 33, 65
NOERROR, FORMERR, SERVFAIL, REFUSED = 0, 1, 2, 5
NEGATIVE = "example.net. 60 SOA ns1.example.net. hostmaster.example.net. 2024010101 7200 3600 1209600 60"


@pytest.fixture
def server() -> Answerer:
    return demo_answerer()


@pytest.mark.parametrize(
    ("prefix", "address", "scope"),
    [
        ("10.1.2.0/24", "127.20.0.1", 9),
        ("10.1.0.0/16", "127.20.0.1", 9),
        ("10.0.0.0/8", "127.20.0.1", 9),
        ("10.1.2.3/32", "127.20.0.1", 9),
        ("10.1.2.128/25", "127.20.0.1", 9),
        ("10.128.0.0/24", "127.20.0.3", 9),
        ("133.11.0.0/24", "127.20.0.2", 22),
        ("133.11.7.0/24", "127.20.0.1", 24),
        ("133.11.7.9/32", "127.20.0.1", 24),
        ("133.11.8.0/24", "127.20.0.2", 21),
        ("133.11.0.0/16", "127.20.0.2", 22),
        ("133.8.0.0/14", "127.20.0.3", 15),
        ("1.0.0.0/24", "127.20.0.3", 5),
        ("255.255.255.255/32", "127.20.0.3", 2),
        ("2001:db8::/32", None, 48),  # tyo has no IPv6 but answers A
        ("2001:db8:1::/48", "127.20.0.3", 48),
        ("2001:db8:1:ff00::/56", "127.20.0.3", 48),
        ("2001:db8:2::1/128", "127.20.0.3", 47),
        ("8000::/1", "127.20.0.3", 1),
    ],
)
def test_steered_by_client_subnet(server: Answerer, prefix: str, address: str | None, scope: int) -> None:
    """The POP of the client's run, TTL of the service, the option echoed with the run's own scope."""
    for tcp in (False, True):
        told = tell(server, Ask("gw.example.net.", A, options=(ecs(prefix),)), tcp=tcp)
        assert told.lines("answer") == [f"gw.example.net. 20 A {address or '127.20.0.2'}"]
        assert told.subnet is not None
        assert told.subnet[2] == scope
        sent = ecs(prefix)[1]
        assert told.options[8] == sent[:3] + bytes([scope]) + sent[4:]


def test_a_pop_without_ipv6_is_nodata_with_the_scope_of_the_run(server: Answerer) -> None:
    """Another client gets an AAAA, so this NODATA holds only inside its own scope."""
    told = tell(server, Ask("gw.example.net.", AAAA, options=(ecs("133.11.0.0/24"),)))
    assert (told.rcode, told.lines("answer"), told.lines("authority")) == (NOERROR, [], [NEGATIVE])
    assert told.subnet == (1, 24, 22, b"\x85\x0b\x00")
    there = tell(server, Ask("gw.example.net.", AAAA, options=(ecs("10.1.2.0/24"),)))
    assert there.lines("answer") == ["gw.example.net. 20 AAAA 2001:db8:20::1"]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.1.2.3", "127.20.0.1"),
        ("133.11.0.9", "127.20.0.2"),
        ("::ffff:133.11.0.9", "127.20.0.2"),
        ("2001:db8::9", "127.20.0.2"),
        ("fe80::1%lo", "127.20.0.3"),
        ("203.0.113.1", "127.20.0.3"),
    ],
)
@pytest.mark.parametrize("prefix", [None, "0.0.0.0/0", "::/0"])
def test_by_resolver_address(server: Answerer, peer: str, address: str, prefix: str | None) -> None:
    """Without a subnet, or with source 0, the resolver's own address decides; scope 0."""
    ask = Ask("gw.example.net.", A, options=(ecs(prefix),) if prefix else ())
    told = tell(server, ask, peer=peer)
    assert told.lines("answer") == [f"gw.example.net. 20 A {address}"]
    assert told.subnet == ((ecs(prefix)[1][1], 0, 0, b"") if prefix else None)
    plain = tell(server, Ask("gw.example.net.", A, edns=False), peer=peer)
    assert plain.lines("answer") == told.lines("answer")


BAD_SUBNETS = {
    "family-0": (0, 24, 0, b"\x01\x02\x03"),
    "family-3": (3, 24, 0, b"\x01\x02\x03"),
    "family-65535": (65535, 24, 0, b"\x01\x02\x03"),
    "family-0-source-0": (0, 0, 0, b""),
    "too-few-octets": (1, 24, 0, b"\x01\x02"),
    "too-many-octets": (1, 24, 0, b"\x01\x02\x03\x00"),
    "source-0-with-octets": (1, 0, 0, b"\x00"),
    "host-bits": (1, 20, 0, b"\x01\x02\x03"),
    "v4-33": (1, 33, 0, b"\x01\x02\x03\x04\x00"),
    "v6-129": (2, 129, 0, bytes(17)),
    "scope": (1, 24, 24, b"\x01\x02\x03"),
}


@pytest.mark.parametrize("fields", BAD_SUBNETS.values(), ids=BAD_SUBNETS)
@pytest.mark.parametrize("name", ["gw.example.net.", "www.example.net."])
def test_malformed_subnets(server: Answerer, fields: tuple[int, int, int, bytes], name: str) -> None:
    """FORMERR with OPT and without the option (RFC 7871 6, 7.2.1), also after good ones of the same shape."""
    tell(server, Ask(name, A, options=(ecs("1.2.3.0/24"),)))
    tell(server, Ask(name, A, options=(ecs("1.2.0.0/20"),)))
    family, source, scope, address = fields
    data = struct.pack(">HBB", family, source, scope) + address
    told = tell(server, Ask(name, A, options=((8, data),)))
    assert (told.rcode, told.lines("answer"), told.options) == (FORMERR, [], {})
    assert told.opt_ttl is not None


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\x01\x18", bytes(200)])
def test_subnets_of_wrong_length(server: Answerer, data: bytes) -> None:
    """An option of 0, 1, 3 or 200 bytes is FORMERR."""
    assert tell(server, Ask("gw.example.net.", A, options=((8, data),))).rcode == FORMERR


def test_two_subnets(server: Answerer) -> None:
    """Two Client Subnet options are FORMERR."""
    both = (ecs("10.1.2.0/24"), ecs("10.1.3.0/24"))
    assert tell(server, Ask("gw.example.net.", A, options=both)).rcode == FORMERR


def test_spelling_does_not_matter_and_comes_back(server: Answerer) -> None:
    """0x20: the question is echoed in the client's case, the answer is the same."""
    for name in ("GW.eXample.NET.", "WwW.eXample.NET.", "X.wILD.example.net.", "nO.EXAMPLE.net."):
        lower = tell(server, Ask(name.lower(), A, options=(ecs("10.1.2.0/24"),)))
        ask = Ask(name, A, options=(ecs("10.1.2.0/24"),))
        mixed = tell(server, ask)
        assert mixed.wire[12 : 12 + len(ask.question)] == ask.question
        assert mixed.wire[:12] + mixed.wire[12:].lower() == lower.wire[:12] + lower.wire[12:].lower()


def test_a_type_that_looks_like_another_in_lower_case(server: Answerer) -> None:
    """Type 97 is not HTTPS (65): lower-casing stops at the name."""
    assert len(tell(server, Ask("web.example.net.", HTTPS)).lines("answer")) == 1
    assert tell(server, Ask("web.example.net.", 97)).lines("answer") == []


def test_compression(server: Answerer) -> None:
    """Owners and NS targets are compressed, the targets of SRV and HTTPS are not (RFC 2782, 9460)."""
    ns = tell(server, Ask("example.net.", NS))
    assert ns.wire.count(b"\x07example\x03net") == 1
    srv = tell(server, Ask("_sip._tcp.example.net.", SRV))
    assert srv.wire.count(b"\x04mail\x07example\x03net\x00") == 1
    assert srv.wire.index(b"\xc0\x0c") == 12 + len(encode("_sip._tcp.example.net.")) + 4


def test_health_changes_answers(tmp_path: Path) -> None:
    """A POP that goes down leaves the answers at the next look, the scope stays; all down fails open."""
    writer = HealthWriter(tmp_path / "health")
    server = Answerer(build(demo_map()), HealthReader(tmp_path / "health"))
    ask = Ask("gw.example.net.", A, options=(ecs("133.11.0.0/24"),))

    def now(**states: State) -> tuple[list[str], tuple[int, int, int, bytes] | None]:
        writer.set(states)
        server.check_health()
        told = tell(server, ask)
        return [line.rpartition(" ")[2] for line in told.lines("answer")], told.subnet

    subnet = (1, 24, 22, b"\x85\x0b\x00")
    assert now(tyo=State.UP) == (["127.20.0.2"], subnet)
    assert now(tyo=State.DOWN) == (["127.20.0.1"], subnet)
    assert now(tyo=State.DRAINED, ams=State.DOWN) == (["127.20.0.3"], subnet)
    assert not server.book.fail_open
    assert now(tyo=State.DOWN, ams=State.DOWN, nyc=State.DOWN) == (["127.20.0.2"], subnet)
    assert server.book.fail_open


def test_an_address_that_is_down_leaves_the_answers(tmp_path: Path) -> None:
    """At the next look, by the short path and the long one; a family without any is NODATA; it comes back."""
    writer = HealthWriter(tmp_path / "health")
    pops = list(demo_map().pops)
    pops[1] = PopAnswer("tyo", ("127.20.0.2", "127.20.1.2"), ("2001:db8:20::2",))
    routemap = dataclasses.replace(demo_map(), pops=tuple(pops))
    server = Answerer(build(routemap), HealthReader(tmp_path / "health"))

    def now(qtype: int, *down: str) -> list[str]:
        writer.set({"tyo": State.UP}, down=down)
        server.check_health()
        told = tell(server, Ask("gw.example.net.", qtype, options=(ecs("133.11.0.0/24"),)))
        assert told.subnet == (1, 24, 22, b"\x85\x0b\x00")
        assert (told.rcode, bool(told.lines("answer")) != bool(told.lines("authority"))) == (0, True)
        return [line.rpartition(" ")[2] for line in told.lines("answer")]

    both = ["127.20.0.2", "127.20.1.2"]
    assert now(A) == both
    assert now(A, "127.20.0.2") == ["127.20.1.2"]
    assert now(AAAA, "127.20.0.2") == ["2001:db8:20::2"]
    assert now(AAAA, "127.20.0.2", "2001:db8:20::2") == []
    fresh = Answerer(build(routemap, None, HealthReader(tmp_path / "health").read()))
    assert tell(fresh, Ask("gw.example.net.", A, options=(ecs("133.11.0.0/24"),))).lines("answer") == [
        "gw.example.net. 20 A 127.20.1.2"
    ]
    assert now(A, *both) == []
    assert now(AAAA, *both, "2001:db8:20::2") == ["2001:db8:20::2"]  # none is up: all are answered
    assert now(A, *both, "2001:db8:20::2") == both
    assert now(A) == both


def test_without_a_map_nothing_can_be_answered() -> None:
    """Whose names are ours is not known yet: SERVFAIL, Not Ready (RFC 8914 4.15), and others are asked."""
    server = Answerer()
    told = tell(server, Ask())
    assert (told.rcode, told.aa, told.options) == (2, False, {15: b"\0\x0e"})
    assert server.counters.failures == 0  # no bug of ours
    server.use(build(demo_map()))
    assert tell(server, Ask("example.org.")).rcode == REFUSED


def test_swapping_books_keeps_the_totals() -> None:
    """Counts are kept per POP id when the POPs change places."""
    server = demo_answerer()
    tell(server, Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)))
    server.use(build(random_map(1)))
    assert server.counters.by_pop()["ams"] == 2
    tell(server, Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)))
    assert sum(server.counters.by_pop().values()) == 4


@pytest.mark.parametrize("seed", range(2))
def test_one_scope_one_answer_with_each_pop_masked(seed: int) -> None:
    """With each POP masked in turn, no two addresses of one scope get different answers (wire to wire)."""
    book = build(random_map(seed, runs=60))
    server = Answerer(book)
    rng = np.random.default_rng(seed)
    assert book.routemap is not None
    one = book.routemap.classes[0]

    def asked(bits: int, unit: int) -> tuple[bytes, int]:
        octets = bits // 8
        data = struct.pack(">HBB", 1 if bits == 24 else 2, bits, 0) + unit.to_bytes(octets, "big")
        wire = server.answer(Ask("gw.example.net.", A, options=((8, data),)).packet(), "192.0.2.1")
        assert wire is not None
        return wire[: -(4 + 4 + octets + 11)], wire[-octets - 1]

    for masked in range(-1, 6):
        book.apply(Content({f"pop-{masked}": Slot(State.DOWN, False, 0.0)}))
        for table in (one.v4, one.v6):
            for unit in rng.choice(table.start, 25).tolist():
                answer, scope = asked(table.bits, unit)
                size = 1 << (table.bits - scope)
                first = unit // size * size
                for other in (first, first + size - 1, int(rng.integers(first, first + size))):
                    assert asked(table.bits, other) == (answer, scope)


def test_units() -> None:
    """Addresses fall into their /24 and /48."""
    assert unit_of("133.11.7.9") == (4, 0x850B07)
    assert unit_of("2001:db8:1:2::3") == (6, 0x20010DB80001)


def test_counters(server: Answerer) -> None:
    """Every packet is counted once, under what it got."""
    tell(server, Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)))
    tell(server, Ask("www.example.net.", A))
    tell(server, Ask("no.example.net.", A))
    tell(server, Ask("example.org.", A))
    server.answer(b"", "192.0.2.1")
    found = server.counters.snapshot()
    assert found["rcodes"]["NOERROR"] == 4
    assert (found["rcodes"]["NXDOMAIN"], found["rcodes"]["REFUSED"]) == (2, 2)
    assert (found["queries"], found["dropped"], found["ecs"]) == (9, 1, 2)
    assert found["pops"]["ams"] == 2


def test_mutated_packets() -> None:
    """Thousands of damaged packets: no exception, no answer to QR=1, the id echoed, sizes kept."""
    server = demo_answerer()
    rng = np.random.default_rng(20240601)
    seeds = [
        Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)).packet(),
        Ask("gw.example.net.", AAAA, options=(ecs("2001:db8::/56"),)).packet(),
        Ask("alias2.example.net.", A).packet(),
        Ask("x.sub.example.net.", A, edns=False).packet(),
        Ask("huge.example.net.", TXT, payload=65535).packet(),
        *MALFORMED.values(),
    ]
    for _ in range(6000):
        packet = bytearray(seeds[int(rng.integers(len(seeds)))])
        for _ in range(int(rng.integers(1, 6))):
            kind, place = int(rng.integers(4)), int(rng.integers(len(packet) + 1))
            if kind == 0 and place < len(packet):
                packet[place] = int(rng.integers(256))
            elif kind == 1:
                del packet[place : place + int(rng.integers(1, 8))]
            elif kind == 2:
                packet[place:place] = rng.bytes(int(rng.integers(1, 8)))
            elif place < len(packet):
                packet[place] ^= 1 << int(rng.integers(8))
        tcp = bool(rng.integers(2))
        reply = server.answer(bytes(packet), "192.0.2.1", tcp)
        if reply is None:
            assert len(packet) < 12 or packet[2] & 0x80
            continue
        assert len(packet) >= 12
        assert not packet[2] & 0x80
        assert reply[:2] == packet[:2]
        assert reply[2] & 0x80
        assert len(reply) <= (65535 if tcp else 1232)
    assert server.counters.failures == 0


def test_a_bug_of_ours_is_servfail(server: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception on the way is counted and answered SERVFAIL, not raised."""

    def broken(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr("itm.dns.answer.lookup", broken)
    told = tell(server, Ask("no.example.net.", A))
    assert (told.rcode, server.counters.failures) == (SERVFAIL, 2)
