from __future__ import annotations

import pytest

from itm.dns.padding import pad
from itm.dns.query import parse
from tests.itm.dns.asking import Ask, Told, demo_answerer, ecs


@pytest.mark.parametrize(
    ("ask", "blocks"),
    [
        (Ask(), 1),
        (Ask("www.example.net.", 1), 1),
        (Ask("gw.example.net.", 1, options=(ecs("133.11.0.0/24"),)), 1),
        (Ask("nowhere.example.net."), 1),
        (Ask("example.org."), 1),  # REFUSED
        (Ask("huge.example.net.", 16), 11),
        (Ask(options=((12, bytes(60)),)), 1),
        (Ask(ttl=1 << 16), 1),  # BADVERS
    ],
)
def test_replies_come_in_blocks(ask: Ask, blocks: int) -> None:
    """A multiple of 468 bytes; what is in them stays as it was."""
    plain = demo_answerer().answer(ask.packet(), "192.0.2.1", tcp=True)
    assert plain is not None
    padded = pad(plain)
    assert len(padded) == 468 * blocks
    before, after = Told(plain), Told(padded)
    options = after.options
    assert options.pop(12).strip(b"\0") == b""
    assert (options, after.opt_ttl) == (before.options, before.opt_ttl)
    for section in ("answer", "authority", "additional"):
        assert after.lines(section) == before.lines(section)


@pytest.mark.parametrize(
    ("size", "padded"), [(463, 468), (464, 468), (465, 936), (468, 936), (65_533, 65_533)]
)
def test_around_the_end_of_a_block(size: int, padded: int) -> None:
    """The option itself takes four bytes; a message never becomes longer than TCP can carry."""
    empty = Ask(flags=0x8000)
    message = Ask(flags=0x8000, options=((65_001, bytes(size - len(empty.packet()) - 4)),)).packet()
    assert len(message) == size
    assert len(pad(message)) == padded


def test_no_edns_no_padding() -> None:
    """A client without EDNS could not read it (RFC 7830 4)."""
    plain = demo_answerer().answer(Ask(edns=False).packet(), "192.0.2.1", tcp=True)
    assert plain is not None
    assert pad(plain) == plain


def test_padding_in_a_query_is_no_fault() -> None:
    """It is the client's own business."""
    query = parse(Ask(options=((12, bytes(60)),)).packet())
    assert query is not None
    assert query.rcode == 0
