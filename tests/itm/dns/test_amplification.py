"""What a spoofed query can make of us: every name and type, with and without signatures, byte for byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from itm.catalog.types import ZoneText
from itm.dns.amplification import HEADERS_BYTES, Factors, most_bytes
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.cookie import Cookies
from itm.dns.identity import Identity
from itm.dns.name import decode
from itm.routemap.routemap import RouteMap
from tests.itm.dns.asking import Ask, Told, demo_map, ecs, tell
from tests.itm.dns.signing import flagged, sign

FACTORS = Factors(5, 10)
DEMO = Path(__file__).resolve().parents[3] / "data" / "demo" / "example.net.zone"
TYPES = (1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 46, 47, 48, 59, 60, 65, 255, 257, 999)
COOKIE, CLIENT, PEER = 10, b"8 bytes!", "192.0.2.77"


def worlds() -> dict[str, RouteMap]:
    demo = dataclasses.replace(
        demo_map(), zones=(ZoneText("example.net.", DEMO.read_text()),), services=demo_map().services[:1]
    )
    return {"demo": demo, "all-sorts": demo_map()}


def serve(routemap: RouteMap, *, signed: bool, identity: Identity | None = None) -> Answerer:
    whole = flagged(routemap) if signed else routemap
    book = build(whole, signatures=sign(whole)) if signed else build(whole)
    return Answerer(book, identity=identity, factors=FACTORS)


def asks(server: Answerer) -> Iterator[Ask]:
    names = {decode(name) for zone in server.book.zones.zones.values() for name in zone.nodes}
    for name in sorted(names | {f"no.{name}" for name in names if not name.startswith("*")}):
        for rtype in TYPES:
            yield Ask(name, rtype, edns=False)
            for do in (0, 0x8000):
                yield Ask(name, rtype, ttl=do, payload=4096)
                yield Ask(name, rtype, ttl=do, payload=4096, options=(ecs("133.11.0.0/24"),))


def factor(reply: bytes, ask: Ask) -> float:
    return (len(reply) + HEADERS_BYTES) / (len(ask.packet()) + HEADERS_BYTES)


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("world", worlds())
def test_no_reply_pays(world: str, signed: bool) -> None:
    """At most 5 times the query without signatures, 10 times with; what is cut is whole over TCP."""
    server = serve(worlds()[world], signed=signed)
    for ask in asks(server):
        told, whole = tell(server, ask), tell(server, ask, tcp=True)
        most = 10 if signed and ask.ttl else 5
        assert factor(told.wire, ask) <= most, (ask, len(told.wire))
        assert not whole.tc
        if not told.tc:
            assert (told.rcode, told.lines("answer")) == (whole.rcode, whole.lines("answer"))


def test_ordinary_answers_need_no_second_try() -> None:
    """Addresses, denials and keys of a signed zone stay whole over UDP: resolvers do not come twice."""
    server = serve(demo_map(), signed=True)
    for name, rtype in [
        *(("gw.example.net.", 1), ("gw.example.net.", 15), ("www.example.net.", 1), ("no.example.net.", 1)),
        *(("example.net.", 6), ("example.net.", 2), ("example.net.", 48), ("host.sub.example.net.", 1)),
    ]:
        for do in (0, 0x8000):
            assert not tell(server, Ask(name, rtype, ttl=do)).tc, (name, rtype, do)


def test_a_good_cookie_lifts_the_limit() -> None:
    """Then only sizes count; a cookie that is none of ours does not."""
    identity = Identity(cookies=Cookies((b"k" * 16,), lambda: 1e9))
    server = serve(demo_map(), signed=False, identity=identity)
    ask = Ask("mid.example.net.", 16, options=((COOKIE, CLIENT),))
    first = Told(server.answer(ask.packet(), PEER) or b"")
    assert first.tc
    assert factor(first.wire, ask) <= 5
    for cookie, is_cut in ((first.options[COOKIE], False), (CLIENT + bytes(16), True)):
        again = dataclasses.replace(ask, options=((COOKIE, cookie),))
        assert Told(server.answer(again.packet(), PEER) or b"").tc == is_cut


def test_counted_once() -> None:
    """A reply that the short path made too long is counted as the long one's alone."""
    server = serve(demo_map(), signed=False)
    tell(server, Ask("mid.example.net.", 16))
    assert server.counters.snapshot()["queries"] == 2


def test_without_factors_sizes_alone_count() -> None:
    """The limits are the operator's to lift."""
    assert not tell(Answerer(build(demo_map())), Ask("mid.example.net.", 16)).tc
    assert most_bytes(40, 5) == 5 * 68 - 28
