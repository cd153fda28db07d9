"""What stands in a reply's OPT besides Client Subnet, CHAOS names, and replies above the rate."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.cookie import Cookies, cut
from itm.dns.identity import Identity
from itm.dns.ratelimit import RateLimit, Rates
from tests.itm.dns.asking import Ask, Told, demo_map, ecs, tell

NSID, COOKIE, KEEP_ALIVE, PADDING = 3, 10, 11, 12
FORMERR, REFUSED = 1, 5
A, SOA, TXT, RRSIG, ANY = 1, 6, 16, 46, 255
CH, HS = 3, 4
CLIENT = b"8 bytes!"
PEER = "192.0.2.77"


def server(limit: RateLimit | None = None, **fields: object) -> Answerer:
    identity = Identity(nsid="ams-1", version="none of yours", cookies=Cookies((b"k" * 16,), lambda: 1e9))
    return Answerer(build(demo_map()), identity=identity, limit=limit)


@pytest.fixture
def plain() -> Answerer:
    """A server whose operator has set nothing."""
    return Answerer(build(demo_map()))


def test_nsid_only_when_asked() -> None:
    """RFC 5001: the id for an empty or a filled option, none without, none when the operator gave none."""
    assert tell(server(), Ask(options=((NSID, b""),))).options == {NSID: b"ams-1"}
    assert tell(server(), Ask(options=((NSID, b"yours"),))).options == {NSID: b"ams-1"}
    assert tell(server(), Ask()).options == {}


def test_nothing_is_told_by_default(plain: Answerer) -> None:
    """No id, no cookie, no version: the options are ignored, CHAOS is refused."""
    asked = ((NSID, b""), (COOKIE, CLIENT), (KEEP_ALIVE, b""), (PADDING, bytes(9)))
    assert tell(plain, Ask(options=asked)).options == {}
    for name in ("version.bind.", "id.server.", "hostname.bind.", "version.server."):
        assert tell(plain, Ask(name, TXT, CH)).rcode == REFUSED


def test_keep_alive_over_tcp_alone() -> None:
    """RFC 7828: the time-out in tenths of a second, never over UDP."""
    ask = Ask(options=((KEEP_ALIVE, b""),))
    assert tell(server(), ask, tcp=True).options == {KEEP_ALIVE: b"\0\x64"}
    assert tell(server(), ask).options == {}


def test_cookies() -> None:
    """A client's gets a server's beside it, which comes back as it is; Client Subnet stands beside both."""
    first = tell(server(), Ask("gw.example.net.", A, options=((COOKIE, CLIENT), ecs("10.1.0.0/16"))))
    whole = first.options[COOKIE]
    assert (whole[:8], len(whole)) == (CLIENT, 24)
    assert first.subnet == (1, 16, 9, b"\x0a\x01")
    again = tell(server(), Ask(options=((COOKIE, whole),)))
    assert (again.rcode, again.options) == (0, {COOKIE: whole})
    wrong = tell(server(), Ask(options=((COOKIE, CLIENT + bytes(16)),)))
    assert (wrong.rcode, wrong.options) == (0, {COOKIE: whole})
    refused = tell(server(), Ask("example.org.", options=((COOKIE, CLIENT),)))
    assert (refused.rcode, set(refused.options)) == (REFUSED, {COOKIE, 15})


@pytest.mark.parametrize("length", [0, 7, 9, 15, 41])
def test_cookies_of_a_wrong_length(length: int) -> None:
    """RFC 7873 5.2.2: FORMERR, and no cookie comes back."""
    told = tell(server(), Ask(options=((COOKIE, bytes(length)),)))
    assert (told.rcode, told.options) == (FORMERR, {})


def test_a_cookie_without_a_question() -> None:
    """RFC 7873 5.4: NOERROR and the cookie; without one, no question is a format error."""
    ask = Ask(counts=(0, 0, 0, 1), options=((COOKIE, CLIENT),))
    packet = struct.pack(">6H", 7, 0x0100, 0, 0, 0, 1) + ask.packet()[12 + len(ask.question) :]
    told = Told(server().answer(packet, PEER) or b"")
    assert (told.rcode, told.flags, told.options[COOKIE][:8]) == (0, 0x8100, CLIENT)
    bare = struct.pack(">6H", 7, 0, 0, 0, 0, 0)
    assert (server().answer(bare, PEER) or b"")[3] & 0xF == FORMERR
    assert (server().answer(packet[:11] + b"\0" + packet[12:], PEER) or b"")[3] & 0xF == FORMERR


@pytest.mark.parametrize(
    ("name", "rtype", "qclass", "text"),
    [
        ("version.bind.", TXT, CH, "none of yours"),
        ("VERSION.server.", ANY, CH, "none of yours"),
        ("id.server.", TXT, CH, "ams-1"),
        ("hostname.bind.", TXT, CH, "ams-1"),
        ("authors.bind.", TXT, CH, None),
        ("version.bind.", A, CH, None),
        ("version.bind.", TXT, HS, None),
        ("version.bind.", TXT, 1, None),
    ],
)
def test_chaos(name: str, rtype: int, qclass: int, text: str | None) -> None:
    """RFC 4892, in the operator's words; all else is refused."""
    told = tell(server(), Ask(name, rtype, qclass))
    if text is None:
        assert (told.rcode, told.message.answer) == (REFUSED, [])
    else:
        assert [str(rrset) for rrset in told.message.answer] == [f'{name} 0 CH TXT "{text}"']


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def replies(answerer: Answerer, ask: Ask, count: int, tcp: bool = False) -> Iterator[str]:
    """What becomes of each of `count` queries: sent, slipped or dropped."""
    for _ in range(count):
        wire = answerer.answer(ask.packet(), PEER, tcp)
        told = Told(wire) if wire is not None else None
        yield "dropped" if told is None else "slipped" if told.tc else "sent"


@pytest.mark.parametrize(
    "ask",
    [Ask("gw.example.net.", A), Ask("no.example.net.", A), Ask("host.sub.example.net."), Ask("example.org.")],
)
def test_replies_above_the_rate(ask: Ask) -> None:
    """Every kind on every path: dropped and, every second one, truncated with its OPT; counted."""
    answerer = server(RateLimit(Rates(4, 4, 4, 4), Clock()))
    assert list(replies(answerer, ask, 8)) == ["sent"] * 4 + ["dropped", "slipped"] * 2
    assert (answerer.counters.limited, answerer.counters.slipped) == (4, 2)


@pytest.mark.parametrize(
    ("name", "rtype"),
    [("{}.wild.example.net.", TXT), ("a.{}.wild.example.net.", A), ("{}.moved.example.net.", A)],
)
def test_made_up_names_are_counted_together(name: str, rtype: int) -> None:
    """No name, spelling or type gets past the rate: a wildcard's and a DNAME's answers have one owner."""
    answerer = server(RateLimit(Rates(5), Clock()))
    asks = [Ask(name.format(f"{'xX'[n % 2]}{n}"), rtype) for n in range(200)]
    assert [next(replies(answerer, ask, 1)) for ask in asks].count("sent") == 5


def test_types_are_counted_together() -> None:
    """A CNAME answers every type: what counts is the name."""
    answerer = server(RateLimit(Rates(5), Clock()))
    asks = [Ask("outside.example.net.", 1000 + n) for n in range(20)]
    assert [next(replies(answerer, ask, 1)) for ask in asks].count("sent") == 5


def test_who_is_not_limited() -> None:
    """TCP, and a client whose cookie is good; 0x20 does not make a name another."""
    answerer = server(RateLimit(Rates(2, 2, 2, 2), Clock()))
    assert set(replies(answerer, Ask("gw.example.net.", A), 9, tcp=True)) == {"sent"}
    whole = Told(answerer.answer(Ask(options=((COOKIE, CLIENT),)).packet(), PEER) or b"").options[COOKIE]
    assert set(replies(answerer, Ask(options=((COOKIE, whole),)), 9)) == {"sent"}
    assert list(replies(answerer, Ask("GW.example.net.", A), 3))[-1] == "dropped"
    assert list(replies(answerer, Ask("gw.EXAMPLE.net.", A), 1)) == ["slipped"]


def test_a_slipped_reply_is_smaller_than_its_query() -> None:
    """No amplification above the rate."""
    answerer = server(RateLimit(Rates(1, 1, 1, 1, slip=1), Clock()))
    ask = Ask("mid.example.net.", TXT)
    wires = [answerer.answer(ask.packet(), PEER) or b"" for _ in range(2)]
    assert len(wires[0]) > 700
    assert len(wires[1]) == len(ask.packet())


@pytest.mark.parametrize(
    "ask", [Ask("host.sub.example.net.", 1, edns=False), Ask("www.example.net.", 1, edns=False)]
)
def test_a_slipped_reply_has_no_opt_of_its_own(ask: Ask) -> None:
    """RFC 6891 6.1.1: a query without OPT gets none, also where glue stood in the reply that was cut."""
    answerer = server(RateLimit(Rates(1, 1, 1, 1, slip=1), Clock()))
    slipped = [Told(answerer.answer(ask.packet(), PEER) or b"") for _ in range(3)][-1]
    assert (slipped.tc, slipped.message.edns) == (True, -1)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("ttl", [0, 0x8000], ids=["plain", "do"])
@pytest.mark.parametrize(
    "others",
    [(), (ecs("10.1.0.0/16"),), (ecs("0.0.0.0/0"),), (ecs("2001:db8::/48"),)],
    ids=lambda o: str(len(o)),
)
def test_cookies_on_the_short_path(others: tuple[tuple[int, bytes], ...], ttl: int, tcp: bool) -> None:
    """What was learned gives the bytes of the long path: any client, any subnet, any order."""
    learned = server()
    for data in (CLIENT, b"another!", CLIENT + b"\1" + bytes(15), bytes(40)):
        for options in (((COOKIE, data), *others), (*others, (COOKIE, data))):
            ask = Ask("GW.example.net.", A, ttl=ttl, options=options)
            first = server().answer(ask.packet(), PEER, tcp)
            learned.answer(ask.packet(), PEER, tcp)
            with short_only(learned):
                assert learned.answer(ask.packet(), PEER, tcp) == first
            assert Told(first or b"").options[COOKIE][:8] == data[:8]


@contextlib.contextmanager
def short_only(answerer: Answerer) -> Iterator[None]:
    """Within it, the long path is a failure."""
    with patch.object(answerer, "_answer_long", side_effect=AssertionError("the long path was taken")):
        yield


def test_a_cookie_beside_others_is_not_cut() -> None:
    """NSID, two cookies, padding, two subnets: only the long path knows what they ask for."""
    for others in (
        ((NSID, b""),),
        ((COOKIE, b"another!"),),
        ((PADDING, b""),),
        (ecs("10.0.0.0/8"), (NSID, b"")),
    ):
        packet = Ask("gw.example.net.", A, options=((COOKIE, CLIENT), *others)).packet()
        assert cut(packet, packet.find(0, 12) + 5) is None
