"""What a collector must not forget: where it stands, what its guard remembers, the deltas not yet durable.

A delta is kept before it is sent, and its number never means another one: first the delta's file, then the
state that counts it, then the bus. A crash between the first two leaves a delta that nobody has seen, which
is let go at the next start. Knows files; when a delta is made, sent or acknowledged is `collector.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from collectors import arrays
from collectors.bus import Mark
from collectors.errors import ArraysError
from collectors.segments import Position

_KIND: Final = "collector"
_NAME: Final = re.compile(r"(\d{12,})\.delta")


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The last delta made, the journal position it ended at, and the guard's memory (`Guard.arrays`) then."""

    mark: Mark = field(default_factory=Mark)
    guard: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


class Outbox:
    """The directory of one collector. `fault` says why a stored standing could not be used, if so."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.fault = ""
        self.standing = self._stored()
        """What the last `keep` stored."""
        self._bytes = {number: path.stat().st_size for number, path in self._files().items()}
        self._forget([number for number in self._bytes if number > self.standing.mark.sequence])

    @property
    def waiting(self) -> tuple[int, ...]:
        """The numbers of the deltas kept, ascending."""
        return tuple(self._bytes)

    @property
    def nbytes(self) -> int:
        """What they take on disk."""
        return sum(self._bytes.values())

    def keep(self, delta: bytes, standing: Standing) -> None:
        """Make a delta durable, and then the standing that counts it. Raises `OSError`."""
        number = standing.mark.sequence
        arrays.write(self._path(number), delta)
        self._store(standing)
        self._bytes[number] = len(delta)

    def read(self, number: int) -> bytes:
        """Return a delta that is kept."""
        return self._path(number).read_bytes()

    def drop(self, number: int) -> None:
        """Let go of a delta that cannot be read any more."""
        self._forget([number] if number in self._bytes else [])

    def release(self, durable: int) -> None:
        """Let go of the deltas up to `durable`."""
        self._forget([number for number in self._bytes if number <= durable])

    def begin_at(self, standing: Standing) -> None:
        """Forget every delta and stand elsewhere. Raises `OSError`."""
        self._store(standing)
        self._forget(list(self._bytes))

    def _store(self, standing: Standing) -> None:
        mark = standing.mark
        facts = {
            "kind": _KIND,
            "sequence": mark.sequence,
            "segment": mark.position.segment,
            "offset": mark.position.offset,
        }
        arrays.store(self._directory / "standing", arrays.ArrayFile(facts, standing.guard))
        self.standing = standing

    def _stored(self) -> Standing:
        try:
            file = arrays.read(self._directory / "standing")
            facts = file.facts
            position = Position(facts["segment"], facts["offset"])
            return Standing(Mark(facts["sequence"], position), file.arrays)
        except FileNotFoundError:
            return Standing()
        except (ArraysError, KeyError) as error:
            self.fault = str(error)
            return Standing()

    def _files(self) -> dict[int, Path]:
        found = ((_NAME.fullmatch(path.name), path) for path in self._directory.iterdir())
        return dict(sorted((int(match[1]), path) for match, path in found if match))

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._path(number).unlink(missing_ok=True)
            del self._bytes[number]

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:012d}.delta"
