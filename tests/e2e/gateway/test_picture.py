"""The picture of the desktop tests: a number is read from it, and nothing from anything else."""

from __future__ import annotations

import pytest

from tests.e2e.gateway.picture import BITS, CELL, FIELD_COLUMNS, FIELD_ROWS, number_in
from tests.e2e.gateway.screens import HEIGHT, WIDTH

LIGHT, DARK = b"\xe5\xe5\xe5", b"\0\0\0"


def painted(number: int, complement: int) -> bytes:
    """Return a screen with two rows of fields."""
    rows = []
    for value in (number, complement):
        fields = (LIGHT if value >> (BITS - 1 - place) & 1 else DARK for place in range(BITS))
        row = b"".join(field * FIELD_COLUMNS * CELL[0] for field in fields)
        rows += [row.ljust(3 * WIDTH, b"\xff")] * FIELD_ROWS * CELL[1]
    return b"".join(rows).ljust(3 * WIDTH * HEIGHT, b"\0")


@pytest.mark.parametrize("number", [0, 1, 0xA5C3, 0xFFFF])
def test_a_number_is_read(number: int) -> None:
    """Both rows agree."""
    assert number_in(painted(number, ~number), WIDTH) == number


@pytest.mark.parametrize(
    "pixels",
    [bytes(3 * WIDTH * HEIGHT), b"\xff" * 3 * WIDTH * HEIGHT, painted(41, ~42)],
    ids=["black", "white", "half of the next picture"],
)
def test_anything_else_is_nothing(pixels: bytes) -> None:
    """A dead or torn screen shows no number."""
    assert number_in(pixels, WIDTH) is None
