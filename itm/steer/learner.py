"""Journal -> guard -> windows -> Evidence: what the builder learned, and what it refused to believe."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collectors.aggregate import aggregate
from collectors.errors import ArraysError
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.journal import JournalReader
from collectors.segments import Position, prune
from collectors.window import Checkpoint, Windows
from itm.config import Collect, Config
from itm.steer.evidence import Evidence
from itm.steer.world import World

log = logging.getLogger(__name__)


class Learner:
    """Reads the journal into windows; survives restarts by a checkpoint that holds the journal position."""

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self._collect = config.collect
        self._clock = clock
        self._checkpoint = config.state_dir / "windows.ckpt"
        self._journal_dir = config.state_dir / "journal"
        kept = _restored(self._checkpoint, config.collect, clock)
        self._windows = kept.windows
        self._guard = Guard(config.collect.client_cap)
        self._guard.remember(kept.extra)
        self._journal = JournalReader(self._journal_dir, kept.position)
        self.refused: Counter[str] = Counter()
        self.own_only = 0

    @property
    def cells(self) -> int:
        """The number of (rung, POP, metric) cells alive."""
        return len(self._windows)

    @property
    def counted(self) -> int:
        """The number of measurements that have counted since the start."""
        return self._windows.counted

    def read(self, world: World) -> None:
        """Take everything new from the journal; its networks stand where this world's places say.

        Keys are stable: with another catalog or place table nothing that was learned is forgotten.
        """
        pops = world.catalog.pops
        sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
        while len(batch := self._journal.read()):
            self._take(batch, world, sites)

    def evidence(self, pops: tuple[str, ...]) -> Evidence:
        """Return what the windows say now."""
        self._windows.decay()
        return Evidence.of(aggregate(self._windows, self._clock), pops)

    def checkpoint(self) -> None:
        """Write windows and journal position, then let go of the journal that no restart needs."""
        position = self._journal.position
        self._windows.checkpoint(self._checkpoint, position, self._guard.arrays())
        keep = self._collect.journal_keep_hours * 3600
        prune(self._journal_dir, position, keep, self._collect.journal_max_bytes, self._clock)

    def _take(self, batch: npt.NDArray[np.void], world: World, sites: PopSites) -> None:
        now, half_life = self._clock(), self._windows.half_life_seconds
        taken = take(batch, self._guard, world.ladder, sites, now, half_life)
        self._windows.merge(taken.gathered)
        self.refused.update(taken.refused)
        self.own_only += taken.own_only


def _restored(path: Path, collect: Collect, clock: Callable[[], float]) -> Checkpoint:
    half_life = collect.half_life_hours * 3600
    try:
        return Windows.restore(path, collect.max_cells, half_life, clock)
    except FileNotFoundError:
        pass
    except ArraysError as error:
        log.warning("checkpoint.unusable", extra={"reason": str(error)})
    return Checkpoint(Windows(collect.max_cells, half_life, clock), Position(), {})
