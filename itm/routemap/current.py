"""Which map is live: the pointer file `current` beside the `<version>.map` files.

The pointer holds the version's number as text and is replaced atomically; a reader sees the old
or the new one. What the files hold is `snapshot`'s business.
"""

from __future__ import annotations

import os
from pathlib import Path

POINTER = "current"


def path_of(directory: Path, version: int) -> Path:
    """Return where the map of that version stands."""
    return directory / f"{version:010d}.map"


def publish(directory: Path, version: int) -> None:
    """Make that version the live one: durable when this returns. Raises `OSError`."""
    fresh = directory / f".{POINTER}.{os.getpid()}.tmp"
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{version}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / POINTER)
    sync_directory(directory)


def live_version(directory: Path) -> int | None:
    """Return the live version, None when nothing was published yet or the pointer is unreadable."""
    try:
        text = (directory / POINTER).read_text(encoding="ascii")
        return int(text)
    except (OSError, ValueError):
        return None


def served_version(directory: Path) -> int | None:
    """Return the live version or, where the pointer is lost, the newest whose file is there; None: no map."""
    live = live_version(directory)
    return live if live is not None else max(versions(directory), default=None)


def versions(directory: Path) -> list[int]:
    """Return the versions whose files are there, oldest first."""
    found = (path.stem for path in directory.glob("*.map"))
    return sorted(int(stem) for stem in found if stem.isdecimal())


def prune(directory: Path, keep: int) -> list[int]:
    """Remove all but the newest `keep` maps and the live one; returns the removed versions."""
    live = live_version(directory)
    removed = [version for version in versions(directory)[: -keep or None] if version != live]
    for version in removed:
        path_of(directory, version).unlink(missing_ok=True)
    return removed


def sync_directory(directory: Path) -> None:
    """Make renames in the directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
