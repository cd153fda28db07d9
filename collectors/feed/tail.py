"""A growing file of feed rows, in batches of whole lines; knows rotation and truncation, and no server.

Rotated (renamed, and another made under its name): the old one is read to its end, which is when nothing has
been added for `ROTATED_SECONDS`, then the new one from its start. Truncated or written anew: from the start.
A last line without its end waits for it. What a batch holds stays where it is until it is `done`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.errors import FollowError
from collectors.feed.mark import Mark
from collectors.feed.rows import CSV, NDJSON

MAX_BATCH_BYTES: Final = 1 << 20
"""A line that is longer than a batch is no row: it is stepped over, and told."""
MAX_HEADER_BYTES: Final = 4096
"""Of a CSV's line of names, which is kept and sent with each batch."""
ROTATED_SECONDS: Final = 5.0
"""How long a writer may still add to a file that has been renamed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines to be sent: `body` of media type `kind`; `name` is the same for the same bytes of the same file.

    `end` is the byte behind them in the file, `lines` how many they are, `is_full` whether no more would go
    in. The first line of `body` has number `first_line` in the file, if it is not the file's header again.
    """

    body: bytes
    kind: str
    name: str
    end: int
    lines: int
    is_full: bool
    first_line: int


class Tail:
    """Reads `path` on from `mark` (None: from its start). `tell` hears what befell the file, in words."""

    def __init__(
        self, path: Path, mark: Mark | None, *, clock: Callable[[], float], tell: Callable[[str], None]
    ) -> None:
        self._path, self._clock, self._tell = path, clock, tell
        self._mark = mark
        self._descriptor = -1
        self._still = (-1, 0.0)  # a rotated file's size, and since when it has had it
        self._is_missed = False  # told that there is no file yet
        self._scanned = 0  # bytes of a line too long that were looked through for its end

    @property
    def mark(self) -> Mark | None:
        """Where it stands; None before there was a file."""
        return self._mark

    def next(self, max_lines: int) -> Batch | None:
        """Return the lines that come next, None when there is no whole one; the same again until `done`.

        Raises `FollowError` when the file cannot be read.
        """
        if self._descriptor < 0 and not self._open():
            return None
        mark = self._here()
        if mark.until:
            begun = os.pread(self._descriptor, mark.until - mark.offset, mark.offset)
            if begun:
                return self._batch(mark, begun, is_full=True)
        data = os.pread(self._descriptor, MAX_BATCH_BYTES, mark.offset)
        whole, is_cut = _whole_lines(data, max_lines)
        if whole:
            return self._batch(mark, whole, is_full=is_cut or len(data) == MAX_BATCH_BYTES)
        if len(data) == MAX_BATCH_BYTES:
            self._step_over(mark)
        elif self._is_rotated() and self._is_still(mark.offset + len(data)):
            if data:  # the last line of a file that nobody ends any more
                return self._batch(mark, data, is_full=True)
            self.close()
            self._mark = None
            self._open()
        return None

    def begin(self, batch: Batch) -> Mark:
        """Return the mark to be kept before the batch is sent."""
        self._mark = self._here().beginning(batch.end)
        return self._mark

    def done(self, batch: Batch) -> Mark:
        """Step past a batch that is on the server's disk; return the mark to be kept."""
        if self._mark is None:
            raise ValueError("nothing was begun")
        self._mark = self._mark.after(batch.end, batch.lines, self._descriptor)
        return self._mark

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> bool:
        """Open the file that the mark is of, under whatever name, else the one under ours."""
        if self._mark is not None:
            for path in _candidates(self._path, self._mark.inode):
                if self._is_opened(path) and self._mark.is_of(os.fstat(self._descriptor)):
                    if path != self._path:
                        self._tell(f"goes on in {path.name}, which it was renamed to")
                    return True
                self.close()
            self._tell("the file read last is gone, and with it what was not read; begins with the new one")
            self._mark = None
        if not self._is_opened(self._path):
            if not self._is_missed:
                self._tell("is not there yet")
            self._is_missed = True
            return False
        self._is_missed = False
        self._mark = Mark.at_start(os.fstat(self._descriptor))
        return True

    def _is_opened(self, path: Path) -> bool:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise FollowError(f"{path}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            raise FollowError(f"{path}: only a regular file can be followed")
        return True

    def _here(self) -> Mark:
        """Return the mark, which is the start if the open file is no longer what it was."""
        if self._mark is None or not self._mark.is_in(self._descriptor):
            if self._mark is not None:
                self._tell("was cut or written anew; begins with its first line")
            self._mark = Mark.at_start(os.fstat(self._descriptor))
            self._scanned = 0
        return self._mark

    def _is_rotated(self) -> bool:
        """Say whether another file stands under the name."""
        try:
            status = self._path.stat()
        except FileNotFoundError:  # renamed, and the new one not made yet
            return False
        return self._mark is not None and not self._mark.is_of(status)

    def _is_still(self, size: int) -> bool:
        now = self._clock()
        if self._still[0] != size:
            self._still = (size, now)
        return now - self._still[1] >= ROTATED_SECONDS

    def _step_over(self, mark: Mark) -> None:
        """Look for the end of a line that is too long, a batch's bytes at a time, and stand behind it."""
        at = mark.offset + self._scanned
        found = os.pread(self._descriptor, MAX_BATCH_BYTES, at)
        end = found.find(b"\n")
        self._scanned += len(found)
        if end >= 0:
            self._tell(f"line {mark.line + 1} is longer than {MAX_BATCH_BYTES} bytes and left out")
            self._mark = mark.after(at + end + 1, 1, self._descriptor)
            self._scanned = 0

    def _batch(self, mark: Mark, data: bytes, *, is_full: bool) -> Batch:
        kind, header = _form(os.pread(self._descriptor, MAX_HEADER_BYTES, 0))
        again = header if mark.offset else b""
        body = again + data
        where = f"{mark.device}:{mark.inode}:{mark.offset}:".encode()
        return Batch(
            body=body,
            kind=kind,
            name=hashlib.sha256(where + body).hexdigest()[:32],
            end=mark.offset + len(data),
            lines=data.count(b"\n") + (not data.endswith(b"\n")),
            is_full=is_full,
            first_line=mark.line + 1 - bool(again),
        )


def _whole_lines(data: bytes, most: int) -> tuple[bytes, bool]:
    """Return the first whole lines, `most` at most, and whether they are as many."""
    end = data.rfind(b"\n") + 1
    if data.count(b"\n") < most:
        return data[:end], False
    end = 0
    for _ in range(most):
        end = data.index(b"\n", end) + 1
    return data[:end], True


def _form(beginning: bytes) -> tuple[str, bytes]:
    """Return the media type of a file that begins like this, and its line of column names, if it has one."""
    text = beginning.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip().startswith(b"{"):
        return NDJSON, b""
    first, newline, _ = text.partition(b"\n")
    names = {cell.strip().strip(b'"').lower() for cell in first.split(b",")}
    return CSV, first + newline if {b"pop", b"metric"} <= names else b""


def _candidates(path: Path, inode: int) -> Iterator[Path]:
    """Yield the file under the name, then those of its directory that have this number."""
    yield path
    try:
        with os.scandir(path.parent) as entries:
            yield from [path.parent / entry.name for entry in entries if entry.inode() == inode]
    except OSError:  # a directory that may not be listed: only the name is known
        return
