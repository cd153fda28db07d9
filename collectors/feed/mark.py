"""Where a follower stands in a growing file, kept in a file of its own that survives kill -9.

A mark says how far the server has the rows on its disk, and where the batch ends that was being sent: after a
crash the very same bytes are sent again, under the same name, which the server knows. The head of the file is
kept as a hash, so that another file under the same name and number is not taken for this one.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from collectors.arrays import write
from collectors.errors import FollowError

HEAD_BYTES: Final = 1024
"""Of a file's beginning, at most, that tell it from another."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything before byte `offset`, which are `line` lines, is done; a batch up to `until` was begun.

    `head` is the SHA-256 of the first `head_bytes` bytes; `until` 0: none was begun.
    """

    device: int
    inode: int
    offset: int = 0
    line: int = 0
    until: int = 0
    head_bytes: int = 0
    head: str = ""

    @classmethod
    def at_start(cls, status: os.stat_result) -> Mark:
        """Return the beginning of a file."""
        return cls(status.st_dev, status.st_ino)

    def is_of(self, status: os.stat_result) -> bool:
        """Say whether this may be a mark of that file."""
        return (self.device, self.inode) == (status.st_dev, status.st_ino)

    def is_in(self, descriptor: int) -> bool:
        """Say whether the open file is the one, and as long as it was: neither cut nor written anew."""
        if os.fstat(descriptor).st_size < self.offset:
            return False
        return self.head_bytes == 0 or head_of(descriptor, self.head_bytes) == self.head

    def beginning(self, until: int) -> Mark:
        """Return the mark to be kept before a batch is sent."""
        return replace(self, until=until)

    def after(self, end: int, lines: int, descriptor: int) -> Mark:
        """Return the mark once `lines` more lines, up to byte `end`, are on the server's disk."""
        count = min(end, HEAD_BYTES)
        head = self.head if count == self.head_bytes else head_of(descriptor, count)
        return replace(self, offset=end, line=self.line + lines, until=0, head_bytes=count, head=head)


def head_of(descriptor: int, count: int) -> str:
    """Return the SHA-256 of an open file's first `count` bytes."""
    return hashlib.sha256(os.pread(descriptor, count, 0)).hexdigest()


def keep(path: Path, mark: Mark) -> None:
    """Make the mark durable. Raises `FollowError`."""
    try:
        write(path, json.dumps(asdict(mark)).encode())
    except OSError as error:
        raise FollowError(f"{path}: {error.strerror}") from error


def kept(path: Path) -> Mark | None:
    """Return the mark of a file, None if there is none yet. Raises `FollowError` on one that is damaged."""
    try:
        return _read(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FollowError(f"{path}: {error.strerror}") from error
    except (ArithmeticError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FollowError(f"{path}: not a position; remove it to begin at the file's start") from error


def _read(fields: Any) -> Mark:
    known = {name: kind(fields[name]) for name, kind in _KINDS.items()}
    if any(number < 0 for number in known.values() if isinstance(number, int)):
        raise ValueError("a position is not below zero")
    return Mark(**known)


_KINDS: Final[dict[str, Any]] = {
    "device": int, "inode": int, "offset": int, "line": int, "until": int, "head_bytes": int, "head": str,
}  # fmt: skip
