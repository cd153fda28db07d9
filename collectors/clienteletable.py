"""The clientele as arrays and as a file: written by the edge, read by the builder.

Replaced atomically and durably; a damaged file is an `ArraysError`, and who reads it keeps what it had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.arrays import ArrayFile
from collectors.errors import ArraysError

FILE: Final = "clientele.ckpt"
"""The file's name in the state directory."""


@dataclass(frozen=True, slots=True, eq=False)
class ClienteleTable:
    """One row per (resolver, client network), both as `Network.key`: `weight` in sightings as of `seen_at`
    (seconds since the epoch).
    """

    resolver: npt.NDArray[np.uint64]
    client: npt.NDArray[np.uint64]
    weight: npt.NDArray[np.float32]
    seen_at: npt.NDArray[np.float64]

    @classmethod
    def nothing(cls) -> ClienteleTable:
        """Return the table of a server that has learned no resolver."""
        none = np.zeros(0, np.uint64)
        return cls(none, none, np.zeros(0, np.float32), np.zeros(0, np.float64))

    @classmethod
    def joined(cls, parts: Iterable[ClienteleTable]) -> ClienteleTable:
        """Return the rows of all parts, one after the other."""
        whole = [cls.nothing(), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in whole]) for name in cls.__slots__))

    def __len__(self) -> int:
        return len(self.resolver)

    def weights(self, now: float, half_life_seconds: float) -> npt.NDArray[np.float32]:
        """Return what each row weighs now."""
        age = np.maximum(now - self.seen_at, 0.0)
        aged: npt.NDArray[np.float32] = (self.weight * 0.5 ** (age / half_life_seconds)).astype(np.float32)
        return aged

    def write(self, path: Path) -> None:
        """Replace the file. Raises `OSError`."""
        columns = {name: getattr(self, name) for name in self.__slots__}
        arrays.write(path, arrays.pack(ArrayFile({}, columns)))

    @classmethod
    def read(cls, path: Path) -> ClienteleTable:
        """Return the file's content. Raises `ArraysError` naming it, `FileNotFoundError`."""
        stored = arrays.read(path).arrays
        try:
            return cls(*(stored[name] for name in cls.__slots__))
        except KeyError as error:
            raise ArraysError(f"{path}: no column {error}") from error


class ClienteleFile:
    """Follows the file: reads it again when it was replaced, and tells once what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self.table = ClienteleTable.nothing()
        self.error = ""

    def look(self) -> ClienteleTable:
        """Return the newest sound table; the last one where the file is damaged or gone."""
        try:
            found = self._path.stat()
            if self._seen != (found.st_ino, found.st_mtime_ns):
                self._seen = found.st_ino, found.st_mtime_ns
                self.table, self.error = ClienteleTable.read(self._path), ""
        except FileNotFoundError:
            pass
        except (OSError, ArraysError) as error:
            self.error = str(error)
        return self.table
