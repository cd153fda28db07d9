"""`$GENERATE range lhs [ttl] [class] type rhs`: one line of a zone file that stands for many (BIND's form).

Pure: a template's words in, the words of each record out. `$` is the number; `${offset[,width[,base]]}` the
number plus an offset, filled with zeros to a width, in base d, o, x or X; `\\$` a plain dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

MOST_RECORDS: Final = 65_536
"""Of one directive: a typing error must not fill the memory."""

_RANGE: Final = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?", re.ASCII)
_PLACE: Final = re.compile(r"\\\$|\$(?:\{(-?\d{1,10})(?:,(\d{1,3})(?:,([doxX]))?)?\})?", re.ASCII)


def expand(words: Sequence[str]) -> Iterator[list[str]]:
    """Give the words of every record that the directive's words (behind `$GENERATE`) stand for.

    Raises `ValueError` for a range that is none or a template that is too short.
    """
    if len(words) < 3:
        raise ValueError("$GENERATE: expected range name [ttl] [class] type data")
    for number in _numbers(words[0]):
        yield [_fill(word, number) for word in words[1:]]


def _numbers(text: str) -> range:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"$GENERATE: expected a range START-STOP or START-STOP/STEP, got {text!r}")
    start, stop, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if step == 0 or stop < start:
        raise ValueError(f"$GENERATE: the range {text} is empty")
    numbers = range(start, stop + 1, step)
    if len(numbers) > MOST_RECORDS:
        raise ValueError(f"$GENERATE: the range {text} has more than {MOST_RECORDS} numbers")
    return numbers


def _fill(word: str, number: int) -> str:
    def text(found: re.Match[str]) -> str:
        if found[0] == "\\$":
            return "$"
        value = number + int(found[1] or 0)
        if value < 0:
            raise ValueError(f"$GENERATE: {found[0]} is negative at {number}")
        return format(value, f"0{found[2] or 0}{found[3] or 'd'}")

    return _PLACE.sub(text, word)
