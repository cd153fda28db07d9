"""Counters and gauges of one process, in the Prometheus text format (version 0.0.4).

One `Registry` per process, handed to whoever counts. Counters only grow; a gauge is a function that
is called when somebody looks. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
"""Labels and value of one line."""


class Counter:
    """A number per set of labels that only grows."""

    def __init__(self) -> None:
        self._values: dict[tuple[tuple[str, str], ...], float] = {}

    def add(self, amount: float = 1, **labels: str) -> None:
        """Add `amount` (never negative) to the line of these labels."""
        key = tuple(sorted(labels.items()))
        self._values[key] = self._values.get(key, 0) + amount

    def line(self, **labels: str) -> Callable[[float], None]:
        """Return what adds to the line of these labels, for who does so at every request."""
        values, key = self._values, tuple(sorted(labels.items()))

        def add(amount: float) -> None:
            values[key] = values.get(key, 0) + amount

        return add

    def value(self, **labels: str) -> float:
        """Return the line of these labels; 0 when nothing was counted."""
        return self._values.get(tuple(sorted(labels.items())), 0)

    def samples(self) -> Iterable[Sample]:
        """Return every line."""
        return [(dict(key), value) for key, value in sorted(self._values.items())]


class Registry:
    """All metrics of a process, by name, in the order they were made."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, Callable[[], Iterable[Sample]]]] = {}

    def counter(self, name: str, about: str) -> Counter:
        """Make a counter; its name ends in `_total` by Prometheus' custom."""
        counter = Counter()
        self._add(name, about, "counter", counter.samples)
        return counter

    def gauge(self, name: str, about: str, read: Callable[[], Iterable[Sample]]) -> None:
        """Make a gauge whose lines `read` returns at the time of asking."""
        self._add(name, about, "gauge", read)

    def counted(self, name: str, about: str, read: Callable[[], Iterable[Sample]]) -> None:
        """Make a counter that someone else counts: `read` returns its lines at the time of asking."""
        self._add(name, about, "counter", read)

    def render(self) -> str:
        """Return everything as Prometheus text; a family without lines still shows its help."""
        return "".join(_family(name, *family) for name, family in self._families.items())

    def _add(self, name: str, about: str, kind: str, read: Callable[[], Iterable[Sample]]) -> None:
        if name in self._families:
            raise ValueError(f"metric {name} exists already")
        self._families[name] = (kind, about, read)


def _family(name: str, kind: str, about: str, read: Callable[[], Iterable[Sample]]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    for labels, value in read():
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.15g}" if inside else f"{name} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
