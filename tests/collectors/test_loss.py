"""The loss report: what is drawn, and what is counted as lost."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest

from collectors.compact import Ranges
from collectors.loss import Address, LossReport, Position, draw, measure
from collectors.places import PlaceTable
from tests.collectors.test_places import small_table

ASNS = np.array([0, 7], np.uint32)


def systems(family: int, *networks: tuple[int, int]) -> Ranges:
    """Announced networks by first atom and prefix length."""
    first, length = (np.array(column) for column in zip(*networks, strict=True))
    return Ranges.of(family, first.astype(np.uint64), length, np.ones(len(first), np.uint32))


def test_the_same_seed_draws_the_same_announced_addresses() -> None:
    """IPv4 in proportion to size: the /16 holds 256 times what the /24 does."""
    held = systems(4, (1 << 24, 16), (9 << 24, 24))
    drawn = draw(4, held, ASNS, 2_000, seed=5)
    assert drawn == draw(4, held, ASNS, 2_000, seed=5)
    assert drawn != draw(4, held, ASNS, 2_000, seed=6)
    assert {int(address) >> 24 for address in drawn} == {1, 9}
    assert all(
        int(address) >> 8 in range(1 << 16, (1 << 16) + 256) or int(address) >> 24 == 9 for address in drawn
    )
    assert sum(int(address) >> 24 == 9 for address in drawn) < 30


def test_ipv6_networks_are_drawn_alike_whatever_their_size() -> None:
    """A /20 does not drown a /48."""
    drawn = draw(6, systems(6, (0x2001 << 48, 20), (0x2A02 << 48, 48)), ASNS, 1_000, seed=5)
    assert 400 < sum(int(address) >> 112 == 0x2A02 for address in drawn) < 600
    assert {int(address) & 0xFFFF_FFFF_FFFF_FFFF for address in drawn} == {1}


def test_nothing_announced_draws_nothing() -> None:
    """And measures nothing."""
    assert draw(4, systems(4, (0, 8)), np.zeros(2, np.uint32), 10, seed=0) == ()


def databases(table: PlaceTable, position: Position, asn: int) -> tuple[object, object]:
    """Full databases that say the same of every address; the last /25 of a /24 is in another country."""

    def locate(address: Address) -> tuple[Position, int]:
        return (("KR", 37.5, 127.0) if int(address) >> 7 & 1 else position), 25

    return locate, lambda _: (asn, 24)


@pytest.mark.parametrize(
    ("position", "asn", "expected"),
    [
        (("JP", 35 + 128.5 / 256, 139 + 64.5 / 256), 7, (0.0, 0.0, 0.0)),
        (("JP", 36 + 128.5 / 256, 139 + 64.5 / 256), 7, (111.2, 0.0, 0.0)),
        (("CN", 35 + 128.5 / 256, 139 + 64.5 / 256), 9, (0.0, 1.0, 1.0)),
    ],
)
def test_the_loss_is_what_differs(position: Position, asn: int, expected: tuple[float, ...]) -> None:
    """The table says JP, AS7 of 0.0.16.0/22; every /24 is divided between two places."""
    table = small_table()
    drawn = [ipaddress.IPv4Address(16 << 8 | 5), ipaddress.IPv4Address(17 << 8 | 100)]
    loss = measure(table, drawn, *databases(table, position, asn))  # type: ignore[arg-type]
    assert loss is not None
    assert (loss.position_km[0], loss.country_share, loss.asn_share) == pytest.approx(expected, abs=0.1)
    assert (loss.family, loss.sample, loss.divided_share) == (4, 2, 1.0)


def test_a_family_no_database_places_is_not_measured() -> None:
    """An IPv4-only City database says nothing of the loss for IPv6."""
    nowhere: Position = ("", float("nan"), float("nan"))
    address = ipaddress.IPv6Address("2001:db8::1")
    assert measure(small_table(), [address], lambda _: (nowhere, 128), lambda _: (7, 32)) is None
    assert str(LossReport(None, None)) == ""
