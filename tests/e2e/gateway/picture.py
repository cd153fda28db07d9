"""A moving picture that can be read: a counter that a terminal draws as light and dark fields.

Run as a program in an xterm of `COLUMNS` x `ROWS` cells it draws the next number every tenth of a second;
`number_in` reads the number back from a screen's pixels. The second row of fields is the complement of the
first, so that a picture of anything else, or half of a picture, reads as nothing.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from typing import Final

BITS: Final = 16
COLUMNS: Final = 106
ROWS: Final = 10
FIELD_COLUMNS: Final = 6
FIELD_ROWS: Final = 4
CELL: Final = (6, 13)
"""Pixels of a cell of X's built-in font `fixed`."""
PERIOD_SECONDS: Final = 0.1


def drawing_of(number: int) -> str:
    """Return what makes a terminal show the number: fields, their complement, and the digits for people."""
    rows = []
    for value in (number, ~number):
        fields = (value >> (BITS - 1 - place) & 1 for place in range(BITS))
        rows += ["".join(_field(is_light=bool(bit)) for bit in fields)] * FIELD_ROWS
    return "\x1b[H" + "\r\n".join([*rows, f"{number:6d}"])


def _field(*, is_light: bool) -> str:
    return f"\x1b[{47 if is_light else 40}m{' ' * FIELD_COLUMNS}\x1b[0m"


def number_in(pixels: bytes, width: int) -> int | None:
    """Return the number that the top left of a screen shows; `pixels` are rows of 8-bit R, G, B."""

    def value(row: int) -> int:
        bits = 0
        for place in range(BITS):
            x = (place * FIELD_COLUMNS + FIELD_COLUMNS // 2) * CELL[0]
            y = (row * FIELD_ROWS + FIELD_ROWS // 2) * CELL[1]
            at = 3 * (y * width + x)
            bits = bits << 1 | (sum(pixels[at : at + 3]) > 3 * 128)
        return bits

    number, complement = value(0), value(1)
    return number if number ^ complement == (1 << BITS) - 1 else None


def main() -> None:
    """Draw until the terminal is gone."""
    sys.stdout.write("\x1b[?25l\x1b[2J")
    for number in count(1):
        sys.stdout.write(drawing_of(number))
        sys.stdout.flush()
        time.sleep(PERIOD_SECONDS)


if __name__ == "__main__":
    main()
