"""Zone transfers as dnspython's client reads them; what is refused; and the limits."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator

import dns.message
import dns.name
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest

from itm.catalog.types import Secondary
from itm.dns import transfer
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.name import encode
from itm.dns.transfer import MESSAGE_BYTES, MOST_TRANSFERS, Transfers
from itm.dns.tsig import Key
from itm.routemap.routemap import RouteMap
from tests.itm.dns.asking import Ask, Told, demo_map
from tests.itm.dns.signing import flagged, sign

KEY = Key(dns.name.from_text("k."), bytes(32), "hmac-sha256.")
OTHER = Key(dns.name.from_text("other."), bytes(32), "hmac-sha256.")
PEER = "192.0.2.77"
SERIAL = 2024010101


def with_secondaries(*secondaries: Secondary, more: str = "", routemap: RouteMap | None = None) -> RouteMap:
    whole = routemap or demo_map()
    zone = whole.zones[0]
    fresh = dataclasses.replace(zone, text=zone.text + more, secondaries=secondaries)
    return dataclasses.replace(whole, zones=(fresh,))


KEYED = with_secondaries(Secondary("192.0.2.7", key="k."))


@dataclasses.dataclass
class Server:
    routemap: RouteMap
    now: float = 1.7e9

    def __post_init__(self) -> None:
        signed = sign(self.routemap) if self.routemap.zones[0].dnssec is not None else None
        self.answerer = Answerer(build(self.routemap, signatures=signed), clock=lambda: self.now)
        self.answerer.keys = {encode("k."): KEY, encode("other."): OTHER}
        self.transfers = Transfers(lambda: self.now, payload=1232)

    def messages(self, packet: bytes, peer: str = PEER) -> Iterator[bytes]:
        """All messages that a TCP client gets."""
        whole = self.transfers.begin(packet, peer, self.answerer.book, self.answerer.keys)
        if whole is not None:
            yield from whole
        else:
            yield self.answerer.answer(packet, peer, tcp=True) or b""


def asked(
    rtype: str = "AXFR", key: Key | None = KEY, *, serial: int = 0, name: str = "example.net."
) -> dns.message.Message:
    query = dns.message.make_query(name, rtype)
    if rtype == "IXFR":
        soa = dns.rdatatype.SOA
        query.authority = [dns.rrset.from_text(name, 0, "IN", soa, f"a. b. {serial} 0 0 0 0")]
    if key is not None:
        query.use_tsig(key)
    return query


def packet_of(query: dns.message.Message, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr("time.time", lambda: 1.7e9)
    return query.to_wire()


def received(server: Server, query: dns.message.Message, monkeypatch: pytest.MonkeyPatch) -> dns.zone.Zone:
    """The zone as a client of dnspython has it, every message's TSIG checked."""
    zone = dns.zone.Zone("example.net.", relativize=False)
    context = None
    with dns.xfr.Inbound(zone, query.question[0].rdtype, serial=0) as inbound:
        done = False
        for wire in server.messages(packet_of(query, monkeypatch)):
            assert not done
            assert len(wire) <= MESSAGE_BYTES
            told = dns.message.from_wire(
                wire, keyring=query.keyring, request_mac=query.mac, xfr=True, tsig_ctx=context, multi=True,
                origin=zone.from_wire_origin(), one_rr_per_rrset=True,
            )  # fmt: skip
            assert told.had_tsig
            context = told.tsig_ctx
            done = inbound.process_message(told)
        assert done
    return zone


BIG = "".join(f'h{n} 60 IN A 192.0.2.{n % 256}\nh{n} 60 IN TXT "{n:0200}"\n' for n in range(1000))


@pytest.mark.parametrize("rtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("more", ["", BIG], ids=["one", "many"])
def test_a_zone_arrives_whole(rtype: str, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one message or in many, each signed; IXFR gets all of it too."""
    server = Server(with_secondaries(Secondary("192.0.2.7", key="k."), more=more))
    zone = received(server, asked(rtype, serial=SERIAL - 1), monkeypatch)
    assert zone.find_rdataset("gw.example.net.", "A").to_text() == "20 IN A 192.0.2.200"
    assert len(zone.find_rdataset("www.example.net.", "A")) == 2
    assert ("h999.example.net." in {str(name) for name in zone}) == bool(more)
    held = server.answerer.book.zones.zones[encode("example.net.")]
    assert sum(1 for _ in zone.iterate_rdatasets()) == 2 + sum(len(n.rrsets) for n in held.nodes.values())
    assert server.transfers.running == 0


def test_a_signed_zone_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    """dnspython checks the zone's ZONEMD-like whole: each RRset but glue and NS of cuts has a good RRSIG."""
    server = Server(with_secondaries(Secondary("192.0.2.7", key="k."), routemap=flagged(demo_map())))
    zone = received(server, asked(), monkeypatch)
    keys = {zone.origin: zone.find_rrset("example.net.", "DNSKEY")}
    checked = 0
    for name, rdataset in zone.iterate_rdatasets():
        if rdataset.rdtype in {dns.rdatatype.RRSIG, dns.rdatatype.NS} or "sub" in str(name):
            continue
        signatures = zone.find_rrset(name, "RRSIG", covers=rdataset.rdtype)
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        dns.dnssec.validate(rrset, signatures, keys, now=1.7e9)  # type: ignore[arg-type]
        checked += 1
    assert checked > 50


REFUSALS = [
    ("no key", asked(key=None), PEER, 5),
    ("another zone's key", asked(key=OTHER), PEER, 5),
    ("the address of an entry with a key", asked(key=None), "192.0.2.7", 5),
    ("no zone of ours", asked(name="example.org."), PEER, 5),
    ("a name inside", asked(name="www.example.net."), PEER, 5),
    ("no key, IXFR", asked("IXFR", None), PEER, 5),
    ("an unknown key", asked(key=Key(dns.name.from_text("who."), bytes(32))), PEER, 9),
    ("a wrong secret", asked(key=Key(dns.name.from_text("k."), b"x" * 32)), PEER, 9),
]


@pytest.mark.parametrize(("why", "query", "peer", "rcode"), REFUSALS, ids=[one[0] for one in REFUSALS])
def test_who_may_not(
    why: str, query: dns.message.Message, peer: str, rcode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message, without a record."""
    (wire,) = Server(KEYED).messages(packet_of(query, monkeypatch), peer)
    assert wire[3] & 0xF == rcode, why
    assert wire[6:8] == b"\0\0"


@pytest.mark.parametrize("peer", ["192.0.2.7", "::ffff:192.0.2.7"])
def test_an_address_is_enough_without_a_key(peer: str) -> None:
    """Where the entry has none; whichever socket it came through."""
    server = Server(with_secondaries(Secondary("192.0.2.7"), Secondary("2001:db8::7")))
    packet = Ask("example.net.", 252, edns=False).packet()
    for address in (peer, "2001:0db8:0::7%eth0"):
        assert sum(int.from_bytes(wire[6:8], "big") for wire in server.messages(packet, address)) > 30
    (wire,) = server.messages(packet, "192.0.2.8")
    assert wire[3] & 0xF == 5


@pytest.mark.parametrize(("serial", "alone"), [(SERIAL, True), (SERIAL + 1, True), (SERIAL - 1, False)])
def test_ixfr_of_what_is_there_already(serial: int, alone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SOA alone when the asker has this serial, or a later one (RFC 1995 2)."""
    wire, *_ = Server(KEYED).messages(packet_of(asked("IXFR", serial=serial), monkeypatch))
    assert (wire[6:8] == b"\0\1") is alone


def test_over_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    """IXFR: the SOA alone, then the asker comes by TCP. AXFR: refused."""
    answerer = Server(KEYED).answerer
    query = asked("IXFR", serial=1)
    told = Told(answerer.answer(packet_of(query, monkeypatch), PEER) or b"")
    assert [line.split()[2] for line in told.lines("answer")] == ["SOA"]
    assert told.aa
    assert Told(answerer.answer(packet_of(asked(), monkeypatch), PEER) or b"").rcode == 5
    assert Told(answerer.answer(Ask("example.net.", 251).packet(), PEER) or b"").rcode == 5


def test_only_so_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told SERVFAIL; when one ends, or its client goes away, there is room again."""
    server = Server(with_secondaries(Secondary("192.0.2.7", key="k."), more=BIG))
    packet = packet_of(asked(), monkeypatch)
    running = [server.messages(packet) for _ in range(MOST_TRANSFERS)]
    for one in running:
        assert next(one)[3] & 0xF == 0
    (wire,) = server.messages(packet)
    assert wire[3] & 0xF == 2
    running[0].close()  # type: ignore[attr-defined] - a generator
    assert len(list(running[1])) > 10
    assert len(list(server.messages(packet))) > 10


def test_a_transfer_goes_on_with_its_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes live meanwhile does not mix with it: the first serial is the last one."""
    server = Server(with_secondaries(Secondary("192.0.2.7", key="k."), more=BIG))
    running = server.messages(packet_of(asked(), monkeypatch))
    first = next(running)
    server.answerer.use(build(demo_map()))
    *_, last = running
    soa = struct.pack(">I", SERIAL)
    assert soa in first
    assert soa in last


def test_a_record_larger_than_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes alone."""
    text = " ".join(['"' + "z" * 250 + '"'] * 100)
    server = Server(with_secondaries(Secondary("192.0.2.7", key="k."), more=f"large IN TXT ( {text} )\n"))
    sizes = [len(wire) for wire in server.messages(packet_of(asked(), monkeypatch))]
    assert max(sizes) > 25_000
    assert sorted(sizes)[-2] <= MESSAGE_BYTES


def test_a_look_at_the_type() -> None:
    """Whatever the packet: cheap, and never an error."""
    assert transfer.is_asked(Ask("example.net.", 252).packet())
    assert transfer.is_asked(Ask("example.net.", 251).packet())
    for packet in (Ask("example.net.", 1).packet(), b"", bytes(12), bytes(20), b"x" * 40):
        assert not transfer.is_asked(packet)
