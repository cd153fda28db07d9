"""Zone text into logical lines of words (RFC 1035 5.1): parentheses, quotes, comments, blank owners.

Knows where each line began, so that every later reason can say so; what the words mean is `zonefile`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(
    r"(?P<blank>[ \t\r]+)|(?P<comment>;[^\n]*)|(?P<newline>\n)|(?P<open>\()|(?P<close>\))"
    r'|(?P<word>(?:[^\s;()"\\]|\\[0-9]{3}|\\.|"(?:[^"\\\n]|\\.)*")+)|(?P<bad>.)'
)


@dataclass(slots=True)
class Line:
    """One entry's words as written. `has_owner`: the first word began in the first column."""

    number: int
    has_owner: bool
    words: list[str]


def read(text: str, reasons: list[str]) -> Iterator[Line]:
    """Give the lines of a text; what is not text of a zone file is added to `reasons` (`line 3: …`)."""
    number, depth = 1, 0
    line: Line | None = None
    fresh = True  # at the first column of a line that starts an entry
    for match in _WORD.finditer(text):
        kind = match.lastgroup
        if kind in {"word", "open"} and line is None:
            line = Line(number, fresh, [])
        if kind == "word" and line is not None:
            line.words.append(match.group())
        depth += (kind == "open") - (kind == "close")
        if kind == "bad" or depth < 0:
            reasons.append(f"line {number}: unexpected {match.group()!r}")
            depth = max(depth, 0)
        fresh = False
        if kind == "newline":
            number += 1
            if depth == 0:
                if line is not None and line.words:
                    yield line
                line, fresh = None, True
    if depth:
        reasons.append(f"line {number}: a parenthesis is not closed")
    if line is not None and line.words:
        yield line
