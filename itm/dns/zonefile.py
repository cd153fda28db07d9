"""RFC 1035 section 5 text into entries: words, owner, TTL, class and type, with line numbers.

Knows the text format (parentheses, quotes, comments, `$ORIGIN`, `$TTL`, `@`, blank owners), not what
a sound zone is. `$INCLUDE` is refused: a zone is one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from itm.dns import rdata
from itm.dns.name import encode
from itm.dns.rdata import Rdata

_WORD: Final = re.compile(
    r"(?P<blank>[ \t\r]+)|(?P<comment>;[^\n]*)|(?P<newline>\n)|(?P<open>\()|(?P<close>\))"
    r'|(?P<word>(?:[^\s;()"\\]|\\[0-9]{3}|\\.|"(?:[^"\\\n]|\\.)*")+)|(?P<bad>.)'
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as written: its line, absolute owner (case kept), TTL (None: not said), type, data."""

    line: int
    owner: bytes
    ttl: int | None
    rtype: int
    rdata: Rdata


@dataclass(slots=True)
class _Line:
    number: int
    blank_owner: bool
    words: list[str]


def read(text: str, origin: bytes) -> tuple[list[Entry], list[str]]:
    """Return the entries of a zone text, and every reason why other lines are none (`line 3: …`)."""
    entries: list[Entry] = []
    reasons: list[str] = []
    reader = _Reader(origin)
    for line in _lines(text, reasons):
        try:
            entry = reader.entry(line)
        except ValueError as error:
            reasons.append(f"line {line.number}: {error}")
        else:
            entries += [entry] if entry is not None else []
    return entries, reasons


class _Reader:
    """What carries over from line to line: origin, default TTL, last owner."""

    def __init__(self, origin: bytes) -> None:
        self._origin = origin
        self._ttl: int | None = None
        self._owner: bytes | None = None

    def entry(self, line: _Line) -> Entry | None:
        words = list(line.words)
        if words[0].startswith("$") and not line.blank_owner:
            self._directive(words)
            return None
        if not line.blank_owner:
            self._owner = None  # a bad owner must not lend its records to the one before
            self._owner = encode(words.pop(0), self._origin)
        if self._owner is None:
            raise ValueError("no owner name to continue")
        ttl = self._ttl_and_class(words)
        name = words.pop(0).upper() if words else ""
        if name not in rdata.TYPES:
            raise ValueError(f"type {name or 'missing'}: expected one of {' '.join(rdata.TYPES)}")
        rtype = rdata.TYPES[name]
        try:
            data = rdata.parse(rtype, [_unquoted(word) for word in words], self._origin)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        return Entry(line.number, self._owner, self._ttl if ttl is None else ttl, rtype, data)

    def _directive(self, words: list[str]) -> None:
        name = words[0].upper()
        if name not in {"$ORIGIN", "$TTL"} or len(words) != 2:
            raise ValueError(f"{words[0]}: expected $ORIGIN name or $TTL seconds")
        if name == "$TTL":
            self._ttl = rdata.ttl_seconds(words[1])
        else:
            self._origin = encode(words[1], self._origin)

    @staticmethod
    def _ttl_and_class(words: list[str]) -> int | None:
        ttl: int | None = None
        for _ in range(2):  # in either order, each at most once
            if words and words[0].upper() == "IN":
                words.pop(0)
            elif words and ttl is None and words[0][0].isdecimal():
                ttl = rdata.ttl_seconds(words.pop(0))
        if words and words[0].upper() in {"CH", "HS", "CS"}:
            raise ValueError(f"class {words[0]}: expected IN")
        return ttl


def _lines(text: str, reasons: list[str]) -> Iterator[_Line]:
    number, depth = 1, 0
    line: _Line | None = None
    fresh = True  # at the first column of a line that starts an entry
    for match in _WORD.finditer(text):
        kind = match.lastgroup
        if kind in {"word", "open"} and line is None:
            line = _Line(number, not fresh, [])
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


def _unquoted(word: str) -> str:
    return _QUOTED.sub(r"\1", word)
