from __future__ import annotations

import pytest

from itm.dns.ecs import ClientSubnet, parse


@pytest.mark.parametrize(
    ("subnet", "unit"),
    [
        (ClientSubnet(1, 24, b"\x85\x0b\x07"), (4, 0x850B07)),
        (ClientSubnet(1, 32, b"\x85\x0b\x07\x09"), (4, 0x850B07)),
        (ClientSubnet(1, 8, b"\x85"), (4, 0x850000)),
        (ClientSubnet(2, 48, b"\x20\x01\x0d\xb8\x00\x01"), (6, 0x20010DB80001)),
        (ClientSubnet(2, 128, b"\x20\x01\x0d\xb8\x00\x01" + bytes(10)), (6, 0x20010DB80001)),
        (ClientSubnet(2, 20, b"\x20\x01\x00"), (6, 0x200100000000)),
    ],
)
def test_round_trip_and_unit(subnet: ClientSubnet, unit: tuple[int, int]) -> None:
    """What is sent back parses again when its scope is 0; the unit is that of the first address."""
    assert subnet.unit() == unit
    assert parse(subnet.option(0)[4:]) == subnet
    assert subnet.option(17)[7] == 17
    assert not subnet.is_hidden


def test_hidden() -> None:
    """Source 0 asks not to be located."""
    found = parse(b"\0\x01\0\0")
    assert found is not None
    assert found.is_hidden


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\x01\x18", b"\0\x01\x18\x18\1\2\3", b"\0\x01\x18\0\1\2", b"\0\x01\x14\0\1\2\3", b"\0\3\0\0"],
)
def test_malformed(data: bytes) -> None:
    """Short, scoped, cut, with host bits, of a family that is none."""
    assert parse(data) is None
