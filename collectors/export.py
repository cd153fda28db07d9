"""The journal as rows for analysis: time, network, POP, metric, value, source, and nothing of a client.

Batches of `RECORD` in, columns out; a batch is all that is in memory. A client's hash is no column: within
its day it would link what one client measured. Knows no file to write; `itm feed` reads the CSV again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.journal import JournalReader, Records
from collectors.measurement import COARSE, METRICS, SOURCES
from collectors.network import UNIT_BITS, Network
from collectors.segments import Position, segment_numbers, segment_path

COLUMNS: Final = ("time", "network", "pop", "metric", "value", "source", "coarse")
"""In the order of a row; docs/api.md says what each one is."""

BATCH_BYTES: Final = 1 << 20
"""Of the journal, read at once: 16,384 records, some ten times as much as text."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Measurements from `since` to before `until` (seconds since the epoch), of these POPs or of all."""

    since: float
    until: float
    pops: tuple[str, ...] = ()

    def mask(self, batch: Records) -> npt.NDArray[np.bool_]:
        """Say which records are meant; never those that no column could show."""
        time = batch["time"]
        mask: npt.NDArray[np.bool_] = (time >= self.since) & (time < self.until)
        mask &= (batch["metric"] < len(METRICS)) & (batch["source"] < len(SOURCES))
        mask &= np.isin(batch["family"], list(UNIT_BITS))
        if self.pops:
            mask &= np.isin(batch["pop"], [pop.encode() for pop in self.pops])
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Rows by column, of one length: numbers as arrays, words as lists."""

    time: npt.NDArray[np.float64]
    network: list[str]
    pop: list[str]
    metric: list[str]
    value: npt.NDArray[np.float32]
    source: list[str]
    coarse: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(cls, batch: Records) -> Columns:
        """Return the columns of records that `Selection.mask` lets through."""
        return cls(
            batch["time"],
            _networks(batch),
            [pop.decode("ascii", "replace") for pop in batch["pop"].tolist()],
            [METRICS[index] for index in batch["metric"].tolist()],
            batch["value"],
            [SOURCES[index] for index in batch["source"].tolist()],
            batch["flags"] & COARSE != 0,
        )

    def csv(self) -> str:
        """Return the rows as CSV (RFC 4180 without quotes: no value needs them), LF at each end."""
        columns = (
            (f"{moment:.3f}" for moment in self.time.tolist()),
            self.network,
            self.pop,
            self.metric,
            self.value.astype(str).tolist(),
            self.source,
            ("1" if is_coarse else "" for is_coarse in self.coarse.tolist()),
        )
        return "".join(f"{line}\n" for line in map(",".join, zip(*columns, strict=True)))


@dataclass(slots=True)
class Unread:
    """What of the journal could not be read: segments damaged, segments pruned meanwhile."""

    damaged: int = 0
    missed: int = 0


def selected(directory: Path, selection: Selection, unread: Unread) -> Iterator[Columns]:
    """Yield what is meant of a journal, in its order, up to its end as it is found; a writer may go on.

    What could not be read is noted in `unread` when the iteration ends.
    """
    reader = JournalReader(directory, _start(directory, selection.since, lambda path: path.stat().st_mtime))
    while len(batch := reader.read(BATCH_BYTES)):
        meant = batch[selection.mask(batch)]
        if len(meant):
            yield Columns.of(meant)
    unread.damaged, unread.missed = reader.damaged, reader.missed


def _start(directory: Path, since: float, written_at: Callable[[Path], float]) -> Position:
    """Return where to begin: no record is newer than the last write of its segment."""
    numbers = segment_numbers(directory)
    for number in numbers[:-1]:
        try:
            if written_at(segment_path(directory, number)) >= since:
                return Position(number, 0)
        except FileNotFoundError:  # pruned meanwhile
            continue
    return Position(numbers[-1], 0) if numbers else Position()


def _networks(batch: Records) -> list[str]:
    """Return the networks as text, each made once."""
    packed = batch["family"].astype(np.uint64) << np.uint64(56) | batch["unit"]
    unique, which = np.unique(packed, return_inverse=True)
    texts = [_text(number >> 56, number & (1 << 56) - 1) for number in unique.tolist()]
    return [texts[index] for index in which.tolist()]


def _text(family: int, unit: int) -> str:
    if family == 4:  # ten times as fast as `ipaddress`, and most of the time of an export
        return f"{unit >> 16}.{unit >> 8 & 255}.{unit & 255}.0/24"
    return str(Network(family, unit))
