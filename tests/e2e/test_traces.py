"""The search for addresses finds them."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.traces import files_of, found

FOUR, OTHER, SIX = "198.51.100.173", "203.0.113.219", "2001:db8:7a7a:1234:5678:9abc:def0:4321"


def words(address: str) -> bytes:
    whole = int(ipaddress.ip_address(address))
    return np.array([whole >> 64, whole & (1 << 64) - 1], "<u8").tobytes()


@pytest.mark.parametrize(
    "content",
    [
        b"x 198.51.100.173:80",
        b"3325256877",
        b"2001:DB8:7A7A:1234:5678:9ABC:DEF0:4321",
        b"20010db87a7a123456789abcdef04321",
        ipaddress.ip_address(SIX).packed,
        words(SIX),
        np.array([int(ipaddress.ip_address(a)) for a in (FOUR, OTHER)], "<u4").tobytes(),
        b"".join(ipaddress.ip_address(a).packed for a in (FOUR, OTHER)),
    ],
)
def test_in_every_form(tmp_path: Path, content: bytes) -> None:
    """Text, number, hexadecimal, packed in either order; truncated is no finding."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(bytes(9) + content + bytes(9))
    assert found(files_of(tmp_path), (FOUR, OTHER, SIX)) != []
    (tmp_path / "sub" / "file").write_bytes(b"198.51.100.0/24 2001:db8:7a7a::/48")
    assert found(files_of(tmp_path), (FOUR, OTHER, SIX)) == []
