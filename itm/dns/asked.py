"""Who asks for the steered names: noted by network while answering, handed over in a file now and then.

On the short path a query costs eight bytes at the end of an array. What was noted is taken away with the
books it was noted in, counted and added up per hour, and the file of the hour replaced: totals of this worker
since it started, so that whoever reads adds up files and never counts anything twice.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from itm.routemap.querycounts import HOUR_SECONDS, QueryCounts, joined, pack

WRITE_SECONDS: Final = 10.0
"""What a worker that is killed loses at most: too little to weigh, and a file that is rarely written."""

MOST_WAITING: Final = 250_000
"""Queries after which they are counted earlier: bounds memory to some megabytes, whoever asks."""

SUFFIX: Final = ".counts"
KEEP_HOURS: Final = 48
"""A worker's own files are removed after so long, should nobody read them."""

V6: Final = 1 << 48
"""Set in what is noted for an IPv6 unit."""

Units: TypeAlias = "array[int]"
Taken: TypeAlias = tuple[str, Units, Units]
"""A service, the units its queries named by Client Subnet, and those of resolvers that named none."""


class Asked:
    """Queries for one service since they were last taken: `named` by Client Subnet, `plain` by resolver.

    By unit, with `V6` set where it is one of IPv6; one entry for each query.
    """

    __slots__ = ("named", "plain")

    def __init__(self) -> None:
        self.named, self.plain = array("Q"), array("Q")

    def note(self, family: int, unit: int, *, is_named: bool) -> None:
        """Note one query."""
        (self.named if is_named else self.plain).append(unit | V6 if family == 6 else unit)

    def take(self) -> tuple[Units, Units]:
        """Return what was noted, and begin anew."""
        taken = self.named, self.plain
        self.named, self.plain = array("Q"), array("Q")
        return taken


class AskedFile:
    """One worker's counts of the present hour, `<hour>-<worker>-<start>.counts` in `folder`."""

    def __init__(self, folder: Path, worker: str, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._worker = worker
        self._start = f"{int(clock() * 1000):x}.{os.getpid():x}"
        self._counts = QueryCounts.nothing(-1)

    def add(self, taken: Iterable[Taken]) -> None:
        """Count these as asked now, and write the file if there were any. Raises `OSError`.

        What could not be written is in the next file of the same hour; at the end of the hour it is lost.
        """
        hour = int(self._clock() // HOUR_SECONDS)
        fresh = [_counts(hour, *one) for one in taken]
        if not any(map(len, fresh)):
            return
        if hour != self._counts.hour:
            self._counts = QueryCounts.nothing(hour)
            self._forget(hour - KEEP_HOURS)
        self._counts = joined(hour, [self._counts, *fresh])
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{hour}-{self._worker}-{self._start}{SUFFIX}"
        aside = path.with_name(f".{path.name}.tmp")
        aside.write_bytes(pack(self._counts))
        aside.replace(path)

    def _forget(self, before: int) -> None:
        for path in self._folder.glob(f"*-{self._worker}-*{SUFFIX}"):
            with contextlib.suppress(ValueError):
                if int(path.name.partition("-")[0]) < before:
                    path.unlink(missing_ok=True)


def _counts(hour: int, service: str, named: Units, plain: Units) -> QueryCounts:
    parts = [np.unique(_array(units), return_counts=True) for units in (named, plain)]
    unit, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    family = np.where(unit < V6, np.uint64(4), np.uint64(6))
    key = family << np.uint64(60) | unit & np.uint64(V6 - 1)
    is_named = np.arange(len(unit)) < len(parts[0][0])
    none = np.zeros(len(unit), np.uint16)
    return QueryCounts(hour, (service,), none, key, is_named, count.astype("<u4"))


def _array(units: Units) -> npt.NDArray[np.uint64]:
    return np.frombuffer(units, np.uint64)
