"""The addresses a session can be resumed at: known beforehand, so that resuming never waits for DNS.

Pure. The POP in use comes first while it has not failed; one that failed goes to the end of the line; one
that asked its sessions to move away is a last resort.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """One POP address: `name` is what its certificate must say."""

    name: str
    address: str
    port: int


class Paths:
    """All known paths in the order in which they are to be tried."""

    def __init__(self, resolved: Iterable[Path]) -> None:
        self._line = list(dict.fromkeys(resolved))
        self._left: set[Path] = set()

    def learn(self, alternates: Iterable[Path]) -> None:
        """Add paths that a POP's answer names; the order of those already known stays."""
        self._line += [path for path in dict.fromkeys(alternates) if path not in self._line]

    def failed(self, path: Path) -> None:
        """Put a path that lost its wire, or gave none, at the end."""
        if path in self._line:
            self._line.remove(path)
            self._line.append(path)

    def leave(self, path: Path) -> None:
        """Use a path that is draining only when no other works."""
        self._left.add(path)

    def used(self, path: Path) -> None:
        """Put the path that works at the front."""
        if path in self._line:
            self._line.remove(path)
        self._line.insert(0, path)
        self._left.discard(path)

    def in_order(self, *, without: Path | None = None) -> tuple[Path, ...]:
        """Return the paths to try now; `without` (the one being raced) goes last."""
        return tuple(sorted(self._line, key=lambda path: (path in self._left, path == without)))
