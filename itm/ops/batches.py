"""Feeds that were sent under a name: the same name again is the same rows again, and counts once.

Who feeds names a batch so that it can be sent again when no answer came. Kept in memory: a batch that was on
its way when the edge was killed may count twice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

KEPT: Final = 256
"""Names remembered, the latest; a sender has one batch on its way."""


@dataclass(slots=True, eq=False)
class Fed:
    """One batch: what became of its rows, once they are in the journal's hands. One request at a time."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer: dict[str, Any] | None = None


class Batches:
    """The batches of late, by name."""

    def __init__(self) -> None:
        self._fed: OrderedDict[str, Fed] = OrderedDict()

    def of(self, name: str) -> Fed:
        """Return the batch of a name; a new one where it is not known, and for no name."""
        if not name:
            return Fed()
        fed = self._fed.setdefault(name, Fed())
        self._fed.move_to_end(name)
        while len(self._fed) > KEPT:
            self._fed.popitem(last=False)
        return fed
