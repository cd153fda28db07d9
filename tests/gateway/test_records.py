"""Pieces that fill TLS records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.records import RECORD_BYTES, records


@given(st.lists(st.integers(0, 70_000), max_size=8))
def test_the_same_bytes_in_whole_records(sizes: list[int]) -> None:
    """Nothing lost or moved, and every piece but the last fills its records."""
    parts = [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    pieces = records(parts)
    assert b"".join(pieces) == b"".join(parts)
    assert all(len(piece) % RECORD_BYTES == 0 for piece in pieces[:-1])
    assert all(len(piece) for piece in pieces)


def test_a_full_frame_is_mostly_not_copied() -> None:
    """Of a header and 64 KiB less a header, one record is joined; the rest is a view of where it lies."""
    payload = bytes(65_536 - 13)
    joined, lying = records([bytes(13), payload])
    assert (len(joined), len(lying)) == (RECORD_BYTES, 3 * RECORD_BYTES)
    assert lying.obj is payload
