"""Deltas -> windows -> Evidence: what the builder learned, and what collectors refused to believe."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from collectors import delta as deltas
from collectors.aggregate import aggregate, empty
from collectors.bus import Receiver
from collectors.counted import Counted, Turn
from collectors.delta import Delta
from collectors.errors import ArraysError, DeltaError
from collectors.window import Checkpoint, Windows
from itm.config import Collect, Config
from itm.steer.evidence import Evidence
from itm.steer.notice import RECENT_HALF_LIFE_SECONDS, RECENT_SECONDS, notice
from itm.steer.slowdowns import Slowdowns
from itm.steer.watch import Watch
from itm.steer.world import World

log = logging.getLogger(__name__)

READ_SECONDS: Final = 2.0
"""So long may `read` go on while deltas keep coming: builds have their turn as well."""

CHECKPOINT_SHARE: Final = 1 / 20
"""Of the time, at most this goes into checkpoints; what came after the last one, collectors still keep."""


class Learner:
    """Counts deltas into windows; survives restarts by a checkpoint that says which deltas are in it."""

    def __init__(self, config: Config, bus: Receiver, clock: Callable[[], float]) -> None:
        self._bus = bus
        self._clock = clock
        self._checkpoint = config.state_dir / "windows.ckpt"
        kept = _restored(self._checkpoint, config.collect, clock)
        self._windows = kept.windows
        self._counted = Counted(kept.marks)
        self._recent = Windows(config.collect.max_cells, RECENT_HALF_LIFE_SECONDS, clock)
        self._checkpointed_at = -float("inf")
        self._pause_seconds = 0.0
        self.deltas: Counter[str] = Counter()
        """Deltas that came, by what was done with them."""
        self.refused: Counter[str] = Counter()
        self.own_only = 0
        self.aggregates = empty()
        """What the last evidence was made of."""
        self._lately = empty()
        self._slower: dict[tuple[str, ...], Slowdowns] = {}
        self._full: frozenset[str] = frozenset()
        self.watch: Watch | None = None
        """What counts the deltas of a canary's time as well."""

    @property
    def cells(self) -> int:
        """The number of (rung, POP, metric) cells alive."""
        return len(self._windows)

    @property
    def counted(self) -> int:
        """The number of measurements that have counted since the start."""
        return self._windows.counted

    def read(self) -> None:
        """Count the deltas that have come; tell collectors that are astray, or ask, where they stand."""
        until = time.monotonic() + READ_SECONDS
        while time.monotonic() < until and (message := self._bus.receive()) is not None:
            try:
                delta = deltas.parse(message)
            except DeltaError as error:
                self.deltas["damaged"] += 1
                log.warning("delta.refused", extra={"reason": str(error)})
                continue
            self._take(delta)

    def evidence(self, world: World, full: frozenset[str] = frozenset()) -> Evidence:
        """Return what the windows say now of the POPs of `world`, and what is slower of late.

        Of POPs that are `full` nothing is: they are slow for that reason.
        """
        self._full = full
        self._windows.decay()
        self._recent.decay()
        self.aggregates = aggregate(self._windows, self._clock)
        self._lately = aggregate(self._recent, self._clock)
        self._slower = {world.pops: self._slower.get(world.pops, Slowdowns.nothing())}
        return self.evidence_in(world)

    def evidence_in(self, world: World) -> Evidence:
        """Return what was made of the windows last, in the terms of any world."""
        evidence = Evidence.of_world(self.aggregates, world)
        slower = notice(world, evidence, self._lately, self._slower.get(world.pops), self._full)
        if world.pops in self._slower:
            self._slower[world.pops] = slower
        return replace(evidence, slowdowns=slower)

    def begin_watch(self, folder: Path, config: Collect) -> Watch:
        """Begin to watch a canary: what is known by now is its past. Raises `OSError`."""
        self.watch = Watch.begin(folder, self.aggregates, self._counted.marks, config, self._clock)
        return self.watch

    def restored_watch(self, folder: Path, config: Collect) -> Watch | None:
        """Go on watching from the files of a process before; None when they are gone or damaged."""
        self.watch = Watch.restored(folder, config, self._clock)
        return self.watch

    def checkpoint(self, *, at_once: bool = True) -> None:
        """Write windows and marks and tell the collectors, who let go of what no restart needs.

        Not `at_once`: only if the last one was long enough ago for what it took.
        """
        now, started = self._clock(), time.monotonic()
        if not at_once and 0 <= now - self._checkpointed_at < self._pause_seconds:
            return
        if self.watch is not None:  # before the windows: collectors let go of what those have
            self.watch.checkpoint()
        self._windows.checkpoint(self._checkpoint, self._counted.marks)
        self._checkpointed_at = now
        self._pause_seconds = (time.monotonic() - started) / CHECKPOINT_SHARE
        self._counted.settle()
        for collector in self._counted.marks:
            self._bus.ack(self._counted.ack(collector))

    def _take(self, delta: Delta) -> None:
        turn = self._counted.turn(delta)
        if self.watch is not None:
            self.watch.take(delta)
        if turn is Turn.NEXT:
            self._windows.merge(delta.gathered)
            since = delta.gathered.at - RECENT_SECONDS
            self._recent.merge(delta.gathered.of_networks(since))
            self._counted.count(delta)
            self.own_only += delta.own_only
            self.refused.update(delta.refused)
        elif turn is Turn.ASTRAY:
            self._bus.ack(self._counted.ack(delta.collector))
        if delta.sequence != deltas.QUESTION:
            self.deltas[turn.value] += 1


def _restored(path: Path, collect: Collect, clock: Callable[[], float]) -> Checkpoint:
    half_life = collect.half_life_hours * 3600
    try:
        return Windows.restore(path, collect.max_cells, half_life, clock)
    except FileNotFoundError:
        pass
    except ArraysError as error:
        log.warning("checkpoint.unusable", extra={"reason": str(error)})
    return Checkpoint(Windows(collect.max_cells, half_life, clock), {}, {})
