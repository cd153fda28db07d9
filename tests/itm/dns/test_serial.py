from __future__ import annotations

import pytest

from itm.dns import serial
from itm.dns.name import encode
from itm.dns.zone import parse
from tests.itm.dns.asking import demo_map

TOP = 1 << 32


@pytest.mark.parametrize(
    ("one", "other", "later"),
    [
        (2, 1, True),
        (1, 2, False),
        (1, 1, False),
        (0, TOP - 1, True),
        (TOP - 1, 0, False),
        (1 << 31, 0, False),  # half the circle away: not defined (RFC 1982 3.2)
        ((1 << 31) - 1, 0, True),
    ],
)
def test_later_on_the_circle(one: int, other: int, later: bool) -> None:
    """RFC 1982: also across the end of 32 bits."""
    assert serial.is_later(one, other) is later


@pytest.mark.parametrize(
    ("written", "served", "now"),
    [
        (2026010101, None, 2026010101),  # the first time: what the operator wrote
        (2026010101, 2026010101, 2026010102),
        (2026010101, 2026010105, 2026010106),  # re-signed since: never backwards
        (2026020101, 2026010105, 2026020101),  # the operator's later one wins
        (5, TOP - 1, 5),
        (7, TOP - 1, 7),
        (TOP - 1, TOP - 1, 0),
    ],
)
def test_what_follows(written: int, served: int | None, now: int) -> None:
    """The text's serial if it is later, else the next one."""
    assert serial.moved(written, served) == now


def test_a_soa_with_another_serial() -> None:
    """Nothing else changes."""
    zone = parse(demo_map().zones[0])
    assert serial.of(zone.soa) == 2024010101
    other = serial.renumbered(zone.soa, 7)
    assert serial.of(other) == 7
    assert serial.renumbered(other, 2024010101) == zone.soa
    assert zone.soa.owner == encode("example.net.")
