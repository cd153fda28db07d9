"""Packets worth mutating, and what must hold for the reply to any packet at all."""

from __future__ import annotations

import dns.message

from itm.dns.cookie import Cookies
from itm.dns.query import parse
from itm.dns.reply import most_bytes
from tests.itm.dns.asking import Ask, ecs
from tests.itm.dns.malformed import MALFORMED

PAYLOAD = 1232
NSID, COOKIE, KEEP_ALIVE, PADDING = 3, 10, 11, 12
PEER = "192.0.2.77"
DO = 0x8000
ERROR_BYTES = 12 + 259 + 11 + 40 + 6 + 600
"""The largest reply to what is wrong: question, OPT with a cookie and a reason, a TSIG that says BADKEY."""

COOKIES = Cookies((b"k" * 16,), lambda: 1e9)
_OURS = COOKIES.answer(b"8 bytes!", PEER)[0][4:]

GOOD = tuple(
    ask.packet()
    for ask in (
        Ask("gw.example.net.", 1, options=(ecs("10.1.0.0/16"),)),
        Ask("GW.example.net.", 28, options=(ecs("2001:db8::/48"),)),
        Ask("gw.example.net.", 1, ttl=DO, options=(ecs("133.11.7.0/24"), (COOKIE, _OURS))),
        Ask("gw.example.net.", 1, options=((COOKIE, _OURS), ecs("10.1.0.0/16"))),
        Ask("gw.example.net.", 1, options=((COOKIE, _OURS),)),
        Ask("www.example.net.", 255, options=((COOKIE, b"8 bytes!"), (NSID, b""), (KEEP_ALIVE, b""))),
        Ask("example.net.", 48, ttl=DO, options=((PADDING, bytes(40)),)),
        Ask("no.example.net.", 1, ttl=DO),
        Ask("x.wild.example.net.", 15, ttl=DO),
        Ask("huge.example.net.", 16, payload=4096),
        Ask("huge.example.net.", 16, edns=False),
        Ask("togw.example.net.", 1, edns=False),
        Ask("host.sub.example.net.", 1, ttl=DO),
        Ask("x.old.example.net.", 1),
        Ask("example.net.", 46, ttl=DO),
        Ask("id.server.", 16, 3),
        Ask("example.org.", 1, flags=0x2800),
        Ask("example.net.", ttl=1 << 16),
        Ask("example.net.", 252, edns=False),
        Ask(
            edns=False,
            counts=(1, 0, 0, 1),
            extra=b"\x03key\0\x00\xfa\x00\xff\0\0\0\0\0\x1a\x04hmac\0" + bytes(8) + b"\x12\x34" + bytes(10),
        ),
        Ask(counts=(0, 0, 0, 1), raw_name=b"", options=((COOKIE, b"8 bytes!"),)),
    )
)
SEEDS = (*GOOD, *MALFORMED.values(), Ask(flags=0x8100).packet())


def check(packet: bytes, reply: bytes | None, *, tcp: bool, may_drop: bool = False) -> None:
    """Fail unless the reply is one that any client can take, or rightly none."""
    if len(packet) < 12 or packet[2] & 0x80:
        assert reply is None, "a reply to what must not get one"
        return
    if reply is None:
        assert may_drop, "no reply to a query"
        return
    assert reply[:2] == packet[:2]
    assert reply[2] & 0xF8 == 0x80 | packet[2] & 0x78, "not a reply of this opcode"
    query = parse(packet)
    assert query is not None
    most = most_bytes(query, PAYLOAD, tcp)
    assert len(reply) <= (most if not query.rcode else max(most, ERROR_BYTES))
    # As a query's reply: in an UPDATE dnspython reads the question, the client's own words, as a zone.
    plain = reply[:2] + bytes((reply[2] & 0x87,)) + reply[3:]
    told = dns.message.from_wire(plain, one_rr_per_rrset=True, keyring=False)
    assert (told.edns >= 0) == (query.edns is not None or told.rcode() == 16)
    assert not told.question or query.question[:-4].lower() == told.question[0].name.to_wire().lower()
