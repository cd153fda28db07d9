"""`itm feed --follow`: a growing file sent in batches, each row once, until told to stop.

A batch goes out when it is full or its first line has waited long enough. The position is kept before it is
sent (what was begun) and after the server has it on disk; a server that is away is waited for.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from collectors.feed import mark as marks
from collectors.feed.mark import Mark
from collectors.feed.tail import Batch, Tail
from itm.cli import feeding
from itm.cli.feeding import Feed
from itm.errors import Refused

POLL_SECONDS: Final = 0.25
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
SHOWN: Final = 20
"""Refused rows told of one batch."""

TRANSIENT: Final = (408, 429)
"""Statuses below 500 that ask to come again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When a batch goes out: at this many lines, or when its first has waited so long."""

    rows: int
    seconds: float


class Follower:
    """Follows `path`; `wait` pauses for seconds and says whether to stop, `tell` takes a line for people."""

    def __init__(
        self,
        path: Path,
        position: Path,
        sender: Feed,
        pace: Pace,
        *,
        wait: Callable[[float], bool],
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._position, self._sender, self._pace = path, position, sender, pace
        self._wait, self._tell, self._clock = wait, tell, clock
        self._kept = marks.kept(position)
        self._tail = Tail(path, self._kept, clock=clock, tell=lambda text: tell(f"{path} {text}"))
        self._waits_since: float | None = None  # the first line that is read and not sent
        self.totals = {"accepted": 0, "loads": 0, "refused": 0}
        """What became of the rows since the start."""

    def run(self) -> None:
        """Follow until `wait` says stop. Raises `Refused` when the server wants no feed of ours at all."""
        try:
            while not self._wait(0):
                batch = self._tail.next(self._pace.rows)
                if batch is None:
                    self._keep(self._tail.mark)
                if batch is not None and self._is_due(batch):
                    self._waits_since = None
                    if not self._deliver(batch):
                        break
                elif self._wait(POLL_SECONDS):
                    break
        finally:
            self._tail.close()

    def _is_due(self, batch: Batch) -> bool:
        if self._waits_since is None:
            self._waits_since = self._clock()
        return batch.is_full or self._clock() - self._waits_since >= self._pace.seconds

    def _deliver(self, batch: Batch) -> bool:
        """Send a batch until the server has it; False when told to stop before."""
        self._keep(self._tail.begin(batch))
        pause = FIRST_PAUSE_SECONDS
        while (answer := self._answer(batch, is_first=pause == FIRST_PAUSE_SECONDS)) is None:
            if self._wait(pause):
                return False
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if pause > FIRST_PAUSE_SECONDS:
            self._tell("the server is back")
        self._keep(self._tail.done(batch))
        for name in self.totals:
            self.totals[name] += answer[name]
        self._tell_refused(batch, answer)
        return True

    def _answer(self, batch: Batch, *, is_first: bool) -> dict[str, Any] | None:
        """Return what became of the rows, None when the server is away; that is told the first time."""
        path = f"/api/v1/feed?batch={batch.name}"
        try:
            return feeding.sent(self._sender, path, batch.body, batch.kind)
        except Refused as error:
            if error.status < 500 and error.status not in TRANSIENT:
                raise
            if is_first:
                self._tell(f"waiting for the server: {error}")
            return None

    def _tell_refused(self, batch: Batch, answer: dict[str, Any]) -> None:
        for reason in answer["reasons"][:SHOWN]:
            self._tell(f"{self._path}:{batch.first_line + reason['line'] - 1}: {reason['text']}")
        if answer["refused"] > SHOWN:
            self._tell(f"... and {answer['refused'] - SHOWN} more of {batch.lines} lines")

    def _keep(self, mark: Mark | None) -> None:
        if mark is not None and mark != self._kept:
            marks.keep(self._position, mark)
            self._kept = mark


@contextmanager
def until_told() -> Iterator[Callable[[float], bool]]:
    """Yield a pause in seconds that ends early, and returns True, once SIGTERM or Ctrl-C has come."""
    told = threading.Event()

    def tell(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's shape
        told.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told.wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
