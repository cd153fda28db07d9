"""Everything of the DNS face that reads bytes of others: packets, options, zone texts, the files of a node.

As in `targets`, a function takes bytes, holds what must be true of the outcome and lets only promised errors
pass. Files get a fitting checksum first: behind it is where a parser could still stumble.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import dns.message
import dns.name

from itm.catalog.types import ZoneText
from itm.dns import cookie, ecs, signatures, zone, zonefile
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.framing import Messages
from itm.dns.identity import Identity
from itm.dns.name import decode, encode
from itm.dns.proxy import FIXED_BYTES, MAX_BYTES, SIGNATURE, MalformedProxy, Preface
from itm.dns.ratelimit import RateLimit, Rates
from itm.dns.tsig import Key
from itm.errors import CatalogError, SnapshotError
from itm.routemap import health, snapshot
from tests.fuzz.target import Target, in_pieces, text
from tests.itm.dns.asking import ZONE, demo_map
from tests.itm.dns.packets import COOKIES, PAYLOAD, PEER, SEEDS, check
from tests.itm.dns.signing import flagged, sign

NOW: Final = 1_700_000_000.0
KEY_NAME: Final = "k.example."
ORIGIN: Final = encode("example.net.")
MOST_GENERATED, MOST_INCLUDES = 64, 4
"""Here: what a zone of as many as are allowed costs is known, and would hide what is slow."""


@cache
def answerers() -> tuple[Answerer, ...]:
    """A server that has nothing set, one that has everything, and one that lets little through."""
    routemap = flagged(demo_map())
    signed = build(routemap, signatures=sign(routemap))
    told = Identity(nsid="ams-1", version="none of yours", cookies=COOKIES)
    tight = RateLimit(Rates(1, 1, 1, 1, slip=2), lambda: 1.0)
    found = (
        Answerer(build(demo_map()), payload=PAYLOAD),
        Answerer(signed, payload=PAYLOAD, identity=told, clock=lambda: NOW),
        Answerer(signed, payload=PAYLOAD, identity=told, limit=tight, clock=lambda: NOW),
    )
    for one in found[1:]:
        one.keys = {encode(KEY_NAME): _key()}
    return found


def _key() -> Key:
    return Key(dns.name.from_text(KEY_NAME), bytes(range(32)), "hmac-sha256")


def _signed_query() -> bytes:
    """A query with a good TSIG: what is changed in it is a bad one."""
    query = dns.message.make_query("www.example.net.", "A", use_edns=0, id=0x1234)
    query.use_tsig(_key())
    with patch("time.time", lambda: NOW):
        return query.to_wire()


def read_packet(raw: bytes) -> None:
    """Over UDP and TCP, twice: a shape that was learned gives the same bytes as the long path."""
    for number, answerer in enumerate(answerers()):
        for tcp in (False, True):
            replies = [answerer.answer(raw, PEER, tcp) for _ in range(2)]
            for reply in replies:
                check(raw, reply, tcp=tcp, may_drop=number == 2 and not tcp)
            assert number == 2 or replies[0] == replies[1]
        assert answerer.counters.failures == 0


def read_subnet(raw: bytes) -> None:
    """An option that is read can be echoed, and names a unit."""
    found = ecs.parse(raw)
    if found is not None:
        family, unit = found.unit()
        assert unit < 1 << (24 if family == 4 else 48)
        assert found.option(0)[4:] == raw


def read_cookie(raw: bytes) -> None:
    """Whoever returns what we sent is known, from the same address alone."""
    if cookie.is_well_formed(raw):
        option, _ = COOKIES.answer(raw, PEER)
        assert COOKIES.answer(option[4:], PEER) == (option, True)
        assert not COOKIES.answer(option[4:], "2001:db8::77")[1]


def read_stream(raw: bytes) -> None:
    """Messages come out as they went in, however they are cut; a broken length ends them."""
    whole, pieces = Messages(), Messages()
    whole.feed(raw)
    found = []
    for piece in in_pieces(raw):
        pieces.feed(piece)
        found += list(pieces)
    assert list(whole) == found
    assert sum(2 + len(one) for one in found) <= len(raw)


def read_proxied(raw: bytes) -> None:
    """A header in pieces says what it says whole, and what is behind it is kept."""
    preface, found = Preface(), None
    for number, piece in enumerate(in_pieces(raw)):
        found = preface.feed(piece)
        if found is not None:
            rest = found[1] + b"".join(in_pieces(raw)[number + 1 :])
            assert raw[found[0].length :] == rest
            assert FIXED_BYTES <= found[0].length <= MAX_BYTES
            break
    whole = Preface().feed(raw)
    assert (whole is None) == (found is None)
    assert whole is None or found is None or whole[0] == found[0]


def read_zone(raw: bytes) -> None:
    with patch.multiple(zonefile, MOST_GENERATED=MOST_GENERATED, MOST_INCLUDES=MOST_INCLUDES):
        files = (("a", text(raw)), ("b", "$INCLUDE a\nx A 192.0.2.1\n"))
        read = zone.parse(ZoneText("example.net.", text(raw), files))
    for name in read.nodes:
        assert encode(decode(name)) == name


def read_lines(raw: bytes) -> None:
    """Each record says where it stands; each line that is none, why."""
    with patch.object(zonefile, "MOST_GENERATED", MOST_GENERATED):
        entries, reasons = zonefile.read(text(raw), ORIGIN)
    assert all(entry.place.startswith("line ") for entry in entries)
    assert all(reason.startswith("line ") for reason in reasons)


def _from_file(read: Callable[[Path], Any], raw: bytes) -> Any:
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        return read(Path(file.name))


def read_map(raw: bytes) -> None:
    """As it is, and with the sum that it would need; what is read makes a book or is refused."""
    digest = hashlib.sha256(raw[: snapshot.PREFIX.size] + raw[snapshot.HEADER_BYTES :]).digest()
    fitting = raw[: snapshot.PREFIX.size] + digest + raw[snapshot.HEADER_BYTES :]
    if raw != fitting:
        try:
            _from_file(snapshot.read, raw)
        except SnapshotError:
            pass
        else:
            raise AssertionError("damage was not seen")
    _from_file(snapshot.read, fitting)


def read_signatures(raw: bytes) -> None:
    end = len(raw) - signatures.SUM_BYTES
    found = _from_file(signatures.read, raw[:end] + hashlib.sha256(raw[:end]).digest())
    assert all(isinstance(name, bytes) for name in found.zones)


def read_health(raw: bytes) -> None:
    """Whatever stands in the table, every state is one."""
    table = raw[: health.SIZE].ljust(health.SIZE, b"\0")
    content = _from_file(health.HealthReader, table).read()
    assert set(content.states.values()) <= set(health.State)


def _written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "file")
        return (Path(folder) / "file").read_bytes()


def _health(path: Path) -> None:
    states = {"ams": health.State.DOWN, "tyo": health.State.UP}
    health.HealthWriter(path).set(states, ("ams",), ("127.20.0.3", "2001:db8::1"))


_DIRECTIVES: Final = (
    b"$TTL 1h\n$ORIGIN sub\n$GENERATE 1-9/2 h${-1,3,x} 300 IN A 192.0.2.$\n$INCLUDE a other\n$INCLUDE b\n"
    b"@ 60 IN TYPE65280 \\# 3 abcdef\n\\046x\\.y TXT \"a\\\"b\" ( c\n d ) ; no\n"
    b"s SVCB 1 . alpn=h2 ipv4hint=192.0.2.1\nd DS 1 13 2 aabb\nk DNSKEY 257 3 13 AAAA\n"
)  # fmt: skip

TARGETS: Final[dict[str, Target]] = {
    "dns_packet": Target(read_packet, (*SEEDS, _signed_query()), ()),
    "dns_proxy": Target(
        read_proxied,
        (
            SIGNATURE + b"\x21\x11\0\x0c" + bytes(range(12)) + b"behind",
            SIGNATURE + b"\x21\x22\0\x28" + bytes(40),
            SIGNATURE + b"\x20\0\0\0",
        ),
        (MalformedProxy,),
    ),
    "dns_subnet": Target(
        read_subnet, (b"\0\x01\x18\0\x0a\x01\x02", b"\0\x02\x30\0\x20\x01\x0d\xb8\0\0", b"\0\x01\0\0"), ()
    ),
    "dns_cookie": Target(read_cookie, (b"8 bytes!", COOKIES.answer(b"8 bytes!", PEER)[0][4:]), ()),
    "dns_stream": Target(
        read_stream, tuple(len(one).to_bytes(2, "big") + one for one in SEEDS[:3] if one), ()
    ),
    "dns_zone": Target(read_zone, (ZONE.encode(), _DIRECTIVES), (CatalogError,)),
    "dns_lines": Target(read_lines, (_DIRECTIVES, ZONE.encode()[:400]), ()),
    "dns_map": Target(
        read_map, (_written(lambda path: snapshot.write(flagged(demo_map()), path)),), (SnapshotError,)
    ),
    "dns_signatures": Target(
        read_signatures,
        (_written(lambda path: signatures.write(path, sign(flagged(demo_map())))),),
        (SnapshotError,),
    ),
    "dns_health": Target(read_health, (_written(_health)[:400],), ()),
}
