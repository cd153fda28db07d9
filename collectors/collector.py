"""The collector: journal in, deltas out, each of them made once and kept until the builder has it for good.

Reads the journal, judges the records, gathers what passed into cells on every rung, numbers the delta, keeps
it (`outbox.py`) and sends it. What the builder has counted decides where a collector stands: it asks when
it starts and whenever the bus was lost, sends again what was not counted, and where its own memory does not
reach back so far it reads the journal again from there. Until it has been told, it makes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors import delta as deltas
from collectors.bus import Ack, Mark, Sender
from collectors.delta import Delta
from collectors.errors import BusLost, DeltaError
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.journal import JournalReader
from collectors.ladder import Ladder
from collectors.outbox import Outbox, Standing

BATCH_BYTES: Final = 4 << 20
"""Journal that goes into one delta at most: 70,000 records."""

MAX_WAITING_BYTES: Final = 256 << 20
"""Deltas kept above this stop the collector: the rest waits in the journal until the builder catches up."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Where networks stand and where the catalog's POPs do, at this time."""

    ladder: Ladder
    sites: PopSites


class Collector:
    """One collector, of name `name`. `step` is one turn; never two at once."""

    def __init__(
        self,
        name: str,
        journal: Path,
        outbox: Outbox,
        guard: Callable[[], Guard],
        bus: Sender,
        *,
        half_life_seconds: float,
        delta_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._journal_dir = journal
        self._outbox = outbox
        self._new_guard = guard
        self._bus = bus
        self._half_life_seconds = half_life_seconds
        self._delta_seconds = delta_seconds
        self._clock = clock
        self._next_delta = 0.0
        self._sent: int | None = None  # the last delta sent; None until we know what was counted
        self._is_asked = False  # what was told before answers no question of ours
        self._asked_at = -np.inf
        self._stand(outbox.standing)
        self.made = 0
        """Deltas made since the start."""
        self.rewound = 0
        """How often the builder's word and our own memory did not meet."""

    @property
    def mark(self) -> Mark:
        """The last delta made, and where in the journal it ended."""
        return self._outbox.standing.mark

    def step(self, ground: Callable[[], Ground | None]) -> None:
        """Hear what was counted, send what was not, and make what is due.

        `ground` is asked after the journal was read, so that a POP is known by the time somebody measured
        it; None: not known yet. Raises `OSError` when a delta cannot be kept.
        """
        try:
            self._hear()
            if self._sent is None:
                self._ask()
                return
            if self._send_kept() and self._is_due():
                self._next_delta = self._clock() + self._delta_seconds
                while self._outbox.nbytes <= MAX_WAITING_BYTES and self._make(ground) and self._send_kept():
                    self._hear()
        except BusLost:
            self._sent, self._is_asked = None, False

    def _is_due(self) -> bool:
        wait = self._next_delta - self._clock()
        return not 0 < wait <= self._delta_seconds  # more: the clock was set back

    def _hear(self) -> None:
        while (ack := self._bus.acknowledged()) is not None:
            if ack.collector == self._name:
                self._outbox.release(ack.durable)
                if self._sent is None and self._is_asked:
                    self._meet(ack)

    def _meet(self, ack: Ack) -> None:
        """Go on from what was counted: by what is kept, or else from that place in the journal."""
        counted, kept = ack.counted, self._outbox.waiting
        own = self.mark.sequence
        if counted.sequence != own and counted.sequence + 1 not in kept:
            self.rewound += 1
            begins = Standing(counted, {} if counted.sequence < own else self._guard.arrays())
            self._outbox.begin_at(begins)
            self._stand(begins)
        self._sent = counted.sequence

    def _ask(self) -> None:
        if self._clock() - self._asked_at >= 1.0 or self._clock() < self._asked_at:
            self._is_asked |= self._bus.send(deltas.pack(Delta.question(self._name)))
            self._asked_at = self._clock()
            self._hear()

    def _send_kept(self) -> bool:
        """Send what is kept and was not sent; return whether nothing of it is left.

        Raises `BusLost` for one that no builder would take: what was counted says where to begin anew.
        """
        while self._sent is not None and self._sent < self.mark.sequence:
            if not self._bus.send(self._kept(self._sent + 1)):
                return False
            self._sent += 1
        return True

    def _kept(self, number: int) -> bytes:
        try:
            message = self._outbox.read(number)
            deltas.parse(message)
        except (FileNotFoundError, DeltaError) as error:  # gone, damaged, or of the release before
            self._outbox.drop(number)
            raise BusLost(f"delta {number}: {error}") from error
        return message

    def _make(self, ground: Callable[[], Ground | None]) -> bool:
        """Make and keep a delta of what the journal has; False if it has nothing (or nothing is known)."""
        before = self._journal.position
        records = self._journal.read(BATCH_BYTES)
        if not len(records):
            return False
        now = ground()
        if now is None:
            self._journal.position = before
            return False
        made = self._delta(records, now)
        try:
            self._keep(made)
        except OSError:  # as if it had not been read
            self._stand(self._outbox.standing)
            raise
        self.made += 1
        return True

    def _keep(self, made: Delta) -> None:
        mark = Mark(made.sequence, made.position)
        self._outbox.keep(deltas.pack(made), Standing(mark, self._guard.arrays()))

    def _delta(self, records: npt.NDArray[np.void], ground: Ground) -> Delta:
        now, half_life = self._clock(), self._half_life_seconds
        taken = take(records, self._guard, ground.ladder, ground.sites, now, half_life)
        refused = {reason: n for reason, n in {**taken.refused, "late": taken.gathered.late}.items() if n}
        sequence, position = self.mark.sequence + 1, self._journal.position
        return Delta(self._name, sequence, position, taken.gathered, taken.own_only, refused)

    def _stand(self, standing: Standing) -> None:
        self._guard = self._new_guard()
        self._guard.remember(standing.guard)
        self._journal = JournalReader(self._journal_dir, standing.mark.position)
