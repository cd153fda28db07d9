"""The journal: measurements appended by one process and tailed by another.

The writer never reopens a segment it did not create, so a frame that a crash tore stays at the end of an
old segment, where the reader steps over it. Damage inside a segment costs the rest of that segment.

`flush` is the promise: what was appended before it is on disk when it returns. Without it, `start` bounds
the loss of a crash to `fsync_ms`. One writer per directory (the state lock sees to
it), any number of readers.

No segment is begun while all of them hold `max_bytes`: to the writer that is a full disk, until what was read
is pruned.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.arrays import sync_directory
from collectors.errors import JournalError, JournalFull
from collectors.measurement import RECORD
from collectors.segments import (
    HEADER,
    MAX_FRAME_BYTES,
    Found,
    Position,
    find,
    frames,
    journal_bytes,
    prune,
    segment_numbers,
    segment_path,
)

__all__ = ["MAX_PENDING_BYTES", "JournalReader", "JournalWriter", "Position", "Records", "prune"]

MAX_PENDING_BYTES: Final = 64 << 20
"""What may wait for the disk (about a million records) before `append` refuses."""

SEGMENT_SECONDS: Final = 86_400.0
"""A segment is closed at this age, so that a quiet journal can be pruned, too."""

Records = npt.NDArray[np.void]


class JournalWriter:
    """Appends records. All methods may be called from any thread.

    `on_commit` is told of the records that became durable, in the thread that made them so.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = 16_777_216,
        fsync_ms: float = 100.0,
        max_bytes: float = math.inf,
        on_commit: Callable[[Records], None] = lambda _records: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._on_commit, self._clock = on_commit, clock
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._fsync_seconds = fsync_ms / 1000
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._changed = threading.Condition()  # guards the two above and `_is_stopping`
        self._commit = threading.Lock()  # held through write and fsync; guards the file
        self._descriptor = -1
        self._written = 0
        self._begun = 0.0  # when the segment was
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self.committed = 0
        """Records made durable by this writer."""
        self.failures = 0
        """Commits that failed; their records wait for the next one."""
        directory.mkdir(parents=True, exist_ok=True)
        self._segment = max(segment_numbers(directory), default=0)

    @property
    def pending_bytes(self) -> int:
        """What waits for the disk."""
        return self._pending_bytes

    def append(self, array: Records) -> None:
        """Buffer records of dtype `RECORD`; `JournalFull` (nothing taken) when the disk is too far behind."""
        if array.dtype != RECORD:
            raise TypeError(f"expected records, got {array.dtype}")
        self.append_bytes(array.tobytes())

    def append_bytes(self, data: bytes) -> None:
        """Do what `append` does with whole records as bytes."""
        with self._changed:
            if self._pending_bytes + len(data) > MAX_PENDING_BYTES:
                raise JournalFull(f"{self._directory}: {self._pending_bytes} bytes wait for the disk")
            if not self._pending:  # whoever waits for more than nothing; a wake-up costs as much as a beacon
                self._changed.notify()
            self._pending.append(data)
            self._pending_bytes += len(data)

    def flush(self) -> None:
        """Return when all that was appended before is durable; callers at once share one fsync.

        Raises `JournalError` when the disk refuses; the records stay buffered and are written by the next
        flush, perhaps twice (readers may see a record again, never lose it).
        """
        with self._commit:  # who waited here finds its records committed by the one before
            with self._changed:
                data, self._pending, self._pending_bytes = b"".join(self._pending), [], 0
            if not data:
                return
            try:
                self._write(data)
            except OSError as error:
                self._give_back(data)
                path = segment_path(self._directory, self._segment)
                raise JournalError(f"{path}: {error.strerror}") from error
            self.committed += len(data) // RECORD.itemsize
            self._on_commit(np.frombuffer(data, RECORD))

    async def flushed(self) -> None:
        """Do what `flush` does without holding up the event loop."""
        await asyncio.to_thread(self.flush)

    def start(self) -> None:
        """Commit in a thread of its own: no record waits longer than `fsync_ms` (and the fsync itself)."""
        self._thread = threading.Thread(target=self._commit_until_stopped, name="journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, make everything durable and close the segment. Raises `JournalError`."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        try:
            self.flush()
        finally:
            with self._commit:
                self._close_segment()

    def _commit_until_stopped(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopping or self._pending_bytes > 0)
                self._changed.wait_for(lambda: self._is_stopping, timeout=self._fsync_seconds)
                if self._is_stopping:
                    return  # close() flushes
            try:
                self.flush()
            except JournalError:
                continue  # counted in `failures`; append() pushes back when it lasts

    def _give_back(self, data: bytes) -> None:
        self.failures += 1
        self._close_segment()  # after a failed write or fsync nothing is known about its tail
        with self._changed:
            self._pending.insert(0, data)
            self._pending_bytes += len(data)

    def _write(self, data: bytes) -> None:
        is_old = self._clock() - self._begun >= SEGMENT_SECONDS
        if self._descriptor < 0 or self._written >= self._segment_bytes or is_old:
            self._roll()
        for frame in frames(data):
            self._write_all(frame)
        os.fdatasync(self._descriptor)

    def _roll(self) -> None:
        self._close_segment()
        if journal_bytes(self._directory) >= self._max_bytes:
            raise OSError(errno.EDQUOT, f"the journal holds the {self._max_bytes:.0f} bytes it may")
        self._segment += 1
        path = segment_path(self._directory, self._segment)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        self._written, self._begun = 0, self._clock()
        self._write_all(HEADER)
        sync_directory(self._directory)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            done = os.write(self._descriptor, view)
            self._written += done
            view = view[done:]

    def _close_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class JournalReader:
    """Tails a journal from `position`, live, without ever touching it."""

    def __init__(self, directory: Path, position: Position | None = None) -> None:
        self._directory = directory
        self.position = position or Position()
        """Where the next `read` starts: store it with what was made of the records before it."""
        self.torn = 0
        """Frames that a crash cut short at the end of a segment."""
        self.damaged = 0
        """Segments left early because a header or frame was not what was written."""
        self.missed = 0
        """Segments that were pruned before they were read."""
        self._abandoned = 0  # the damaged segment whose end we took for reached, until there is a next one

    def read(self, max_bytes: int = 8 << 20) -> Records:
        """Return the next records, about `max_bytes` of them at most; empty when there is nothing new."""
        payloads: list[bytes] = []
        left = max_bytes
        while left > 0:
            # The order matters: a later segment seen *before* the read proves that this one is complete.
            later = self._enter()
            if later is None:
                break
            start = self.position.offset
            found, is_torn = self._read_segment(left)
            payloads += found.payloads
            left -= found.end - start
            if found.end == start:
                if later == 0:
                    break
                self.torn += is_torn
                self.position = Position(later, 0)
        return np.frombuffer(b"".join(payloads), dtype=RECORD)

    def _enter(self) -> int | None:
        """Stand in a segment that exists; return the next one (0: none yet), or None if none exists."""
        numbers = segment_numbers(self._directory)
        here = self.position.segment
        following = [number for number in numbers if number > here]
        if here not in numbers:
            self.missed += following[0] - here if here and following else 0
            following = following or numbers  # only lower numbers: the journal was begun anew
            if not following:
                return None
            self.position = Position(following.pop(0), 0)
        return following[0] if following else 0

    def _read_segment(self, wanted: int) -> tuple[Found, bool]:
        """Return what the segment holds from the position on, and whether part of a frame follows it.

        Moves the position past what was found.
        """
        segment, offset = self.position.segment, self.position.offset
        nothing = Found((), offset, is_damaged=False)
        if segment == self._abandoned:
            return nothing, False
        try:
            with segment_path(self._directory, segment).open("rb") as file:
                file.seek(offset)
                data = file.read(max(wanted, len(HEADER) + MAX_FRAME_BYTES))
        except FileNotFoundError:  # pruned under our hands: the next turn steps on
            return nothing, False
        if offset == 0 and len(data) < len(HEADER):
            return nothing, len(data) > 0
        is_foreign = offset == 0 and not data.startswith(HEADER)
        found = Found((), 0, is_damaged=True) if is_foreign else find(data, 0 if offset else len(HEADER))
        if found.is_damaged:
            self.damaged += 1
            self._abandoned = segment
        self.position = Position(segment, offset + found.end)
        is_torn = not found.is_damaged and found.end < len(data)
        return Found(found.payloads, offset + found.end, found.is_damaged), is_torn
