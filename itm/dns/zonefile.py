"""Zone text into records: owner, TTL, class, type and data, each with the place it came from.

Knows the directives (`$ORIGIN`, `$TTL`, `$INCLUDE`, `$GENERATE`) and what carries over from line to line,
not what a sound zone is. Included texts are handed in: nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from itm.dns import generate, rdatatext, zonelines
from itm.dns.name import encode
from itm.dns.rdata import Rdata
from itm.dns.zonelines import Line

DEEPEST: Final = 8
"""`$INCLUDE`s inside one another; a file that includes itself ends here."""
MOST_INCLUDES: Final = 256
"""Of one zone in all: files that include each other twice would double with each level."""
MOST_GENERATED: Final = 1 << 18
"""Records of one zone that `$GENERATE` may make: four /16 reverse zones."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as written: its place (`line 7`), absolute owner (case kept), TTL (None: not said), data."""

    place: str
    owner: bytes
    ttl: int | None
    rtype: int
    rdata: Rdata


@dataclass(slots=True)
class _Context:
    """What carries over from line to line."""

    origin: bytes
    ttl: int | None = None
    owner: bytes | None = None


def read(
    text: str, origin: bytes, includes: Mapping[str, str] | None = None
) -> tuple[list[Entry], list[str]]:
    """Return the records of a zone text, and every reason why other lines are none (`line 3: …`).

    `includes` has the texts that `$INCLUDE` may name; their places are told as `line 3 of NAME`.
    """
    reader = _Reader(includes or {})
    reader.read(text, _Context(origin), "", 0)
    return reader.entries, reader.reasons


class _Reader:
    def __init__(self, includes: Mapping[str, str]) -> None:
        self._includes = includes
        self._included = self._generated = 0
        self.entries: list[Entry] = []
        self.reasons: list[str] = []

    def read(self, text: str, context: _Context, file: str, depth: int) -> None:
        of = f" of {file}" if file else ""
        faults: list[str] = []
        for line in zonelines.read(text, faults):
            place = f"line {line.number}{of}"
            try:
                self._line(line, context, place, depth)
            except ValueError as error:
                self.reasons.append(f"{place}: {error}")
        self.reasons += [fault.replace(":", f"{of}:", 1) for fault in faults]

    def _line(self, line: Line, context: _Context, place: str, depth: int) -> None:
        if not (line.has_owner and line.words[0].startswith("$")):
            self._record(line.words, context, place, has_owner=line.has_owner)
            return
        name, *words = line.words
        match name.upper(), words:
            case "$TTL", [seconds]:
                context.ttl = rdatatext.ttl_seconds(seconds)
            case "$ORIGIN", [below]:
                context.origin = encode(below, context.origin)
            case "$INCLUDE", [file] | [file, _]:
                origin = encode(words[1], context.origin) if len(words) > 1 else context.origin
                self._include(file, replace(context, origin=origin), depth + 1)
            case "$GENERATE", _:
                for made in generate.expand(words):
                    self._generated += 1
                    if self._generated > MOST_GENERATED:
                        raise ValueError(f"$GENERATE: the zone has more than {MOST_GENERATED} such records")
                    self._record(made, replace(context), place, has_owner=True)
            case _:
                raise ValueError(f"{name}: expected $ORIGIN name, $TTL seconds, $INCLUDE file or $GENERATE")

    def _include(self, file: str, context: _Context, depth: int) -> None:
        """Read an included text; origin and owner are the including file's again behind it (RFC 1035 5.1)."""
        if file not in self._includes:
            raise ValueError(f"$INCLUDE: there is no file {file!r} beside the zone")
        if depth > DEEPEST:
            raise ValueError(f"$INCLUDE: {file} lies more than {DEEPEST} files deep")
        self._included += 1
        if self._included > MOST_INCLUDES:
            raise ValueError(f"$INCLUDE: the zone has more than {MOST_INCLUDES} of them")
        self.read(self._includes[file], context, file, depth)

    def _record(self, words: list[str], context: _Context, place: str, *, has_owner: bool) -> None:
        words = list(words)
        if has_owner:
            context.owner = None  # a bad owner must not lend its records to the one before
            context.owner = encode(words.pop(0), context.origin)
        if context.owner is None:
            raise ValueError("no owner name to continue")
        ttl = _ttl_and_class(words)
        name = words.pop(0).upper() if words else ""
        rtype = rdatatext.type_number(name)
        try:
            data = rdatatext.parse(rtype, words, context.origin)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        self.entries.append(Entry(place, context.owner, context.ttl if ttl is None else ttl, rtype, data))


def _ttl_and_class(words: list[str]) -> int | None:
    ttl: int | None = None
    for _ in range(2):  # in either order, each at most once
        if words and words[0].upper() == "IN":
            words.pop(0)
        elif words and ttl is None and words[0][0].isdecimal():
            ttl = rdatatext.ttl_seconds(words.pop(0))
    if words and words[0].upper() in {"CH", "HS", "CS"}:
        raise ValueError(f"class {words[0]}: expected IN")
    return ttl
