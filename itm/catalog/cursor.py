"""A cursor: one value of a document, its path, and the list that collects what is wrong with it.

Readers walk cursors and never raise: a wrong value adds a reason and yields a harmless stand-in, so that one
run reports every fault of a file. `Cursor.reasons` decides at the end.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from reprlib import Repr

_repr = Repr()
_repr.maxstring = _repr.maxother = 60
_repr.maxlevel = 2


def _show(value: object) -> str:
    """Return a short text of any value, however large or nested."""
    return _repr.repr(value)[:200]


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean …?)` for the closest known word, else an empty text."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """One value at `path` of `file`; all cursors of a document share `reasons`."""

    value: object
    file: str
    path: str
    reasons: list[str]

    def refuse(self, text: str) -> None:
        """Add a reason against this value."""
        self.reasons.append(f"{self.file}: {self.path}: {text}" if self.path else f"{self.file}: {text}")

    def at(self, value: object, step: str) -> Cursor:
        """Return the cursor of a value below this one; `step` is a key or `[n]`."""
        joint = "" if not self.path or step.startswith("[") else "."
        return Cursor(value, self.file, f"{self.path}{joint}{step}", self.reasons)

    def fields(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Cursor]:
        """Return the cursors of a mapping with fixed keys; a null counts as absent."""
        found = self.entries()
        for name, cursor in found.items():
            if name not in known:
                cursor.refuse(f"no such key{suggest(name, known)}; known: {', '.join(sorted(known))}")
        kept = {name: c for name, c in found.items() if name in known and c.value is not None}
        if isinstance(self.value, dict):
            for name in required:
                if name not in kept:
                    self.refuse(f"`{name}` is missing")
        return kept

    def entries(self) -> dict[str, Cursor]:
        """Return the cursors of a mapping whose keys the operator chooses."""
        if not isinstance(self.value, dict):
            self.refuse(f"expected a mapping, got {_show(self.value)}")
            return {}
        found = {}
        for key, value in self.value.items():
            if isinstance(key, str) and key:
                found[key] = self.at(value, key)
            else:
                self.refuse(f"expected words as keys, got {_show(key)} (quote it?)")
        return found

    def items(self, least: int = 0) -> list[Cursor]:
        """Return the cursors of a list of at least `least` values."""
        if not isinstance(self.value, list):
            self.refuse(f"expected a list, got {_show(self.value)}")
            return []
        if len(self.value) < least:
            self.refuse("expected at least one value, got an empty list")
        return [self.at(value, f"[{index}]") for index, value in enumerate(self.value)]

    def texts(self, least: int = 0) -> list[Cursor]:
        """Return the cursors of a list of texts, or of the one text that stands in its place."""
        if isinstance(self.value, str):
            return [self] if self.text() else []
        return [item for item in self.items(least) if item.text()]

    def text(self, longest: int = 200) -> str:
        """Return a text of 1 to `longest` printable characters, or an empty one after refusing."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.refuse(f"expected a text, got {_show(self.value)}")
        elif len(self.value) > longest:
            self.refuse(f"longer than {longest} characters")
        elif not self.value.isprintable():
            self.refuse("holds characters that cannot be printed")
        else:
            return self.value.strip()
        return ""

    def number(self, low: float, high: float) -> float:
        """Return a finite number of `low` to `high`, or `low` after refusing."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.refuse(f"expected a number, got {_show(value)}")
        elif not low <= value <= high:
            self.refuse(f"expected {low:g} to {high:g}, got {value}")
        else:
            return float(value)
        return low

    def integer(self, low: int, high: int) -> int:
        """Return a whole number of `low` to `high`, or `low` after refusing."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.refuse(f"expected a whole number, got {_show(self.value)}")
            return low
        return int(self.number(low, high))

    def switch(self) -> bool:
        """Return true or false, or false after refusing."""
        if not isinstance(self.value, bool):
            self.refuse(f"expected true or false, got {_show(self.value)}")
            return False
        return self.value

    def address(self) -> str:
        """Return an IP address in its normal form, or an empty text after refusing."""
        text = self.text()
        try:
            return str(ipaddress.ip_address(text)) if text else ""
        except ValueError:
            self.refuse(f"expected an IP address, got {text!r}")
            return ""

    def one_of(self, words: Collection[str]) -> str:
        """Return one of the words, or an empty text after refusing."""
        word = self.text()
        if word and word not in words:
            self.refuse(f"{_show(word)} is none of {', '.join(words)}{suggest(word, words)}")
            return ""
        return word
