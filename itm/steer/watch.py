"""What is measured from a canary's start on, beside the windows of always, and what those said at its start.

Both stand in files of one folder. The watch counts deltas on its own and is written before the windows are:
whatever a crash leaves, what comes again after it is counted once.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from collectors import arrays
from collectors.aggregate import Aggregates, aggregate, empty, load, save
from collectors.bus import Mark
from collectors.counted import Counted, Turn
from collectors.delta import Delta
from collectors.errors import ArraysError
from collectors.window import Windows
from itm.config import Collect

log = logging.getLogger(__name__)

BEFORE: Final = "before.aggregates"
SINCE: Final = "since.ckpt"


class Watch:
    """`before` are the aggregates of the start; `now` those of all that came since."""

    def __init__(self, folder: Path, windows: Windows, counted: Counted, before: Aggregates) -> None:
        self._folder = folder
        self._windows = windows
        self._counted = counted
        self.before = before

    @classmethod
    def begin(
        cls,
        folder: Path,
        before: Aggregates,
        marks: Mapping[str, Mark],
        collect: Collect,
        clock: Callable[[], float],
    ) -> Watch:
        """Begin with nothing since; `marks` tell up to where collectors were counted. Raises `OSError`."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        arrays.write(folder / BEFORE, save(before))
        watch = cls(folder, _windows(collect, clock), Counted(marks), before)
        watch.checkpoint()
        return watch

    @classmethod
    def restored(cls, folder: Path, collect: Collect, clock: Callable[[], float]) -> Watch | None:
        """Return the watch that stands in the folder; None when it is gone or damaged."""
        try:
            before = load((folder / BEFORE).read_bytes())
            half_life = collect.half_life_hours * 3600
            kept = Windows.restore(folder / SINCE, collect.max_cells, half_life, clock)
        except (OSError, ArraysError) as error:
            log.warning("canary.watch_lost", extra={"reason": str(error)})
            return None
        return cls(folder, kept.windows, Counted(kept.marks), before)

    def take(self, delta: Delta) -> None:
        """Count a delta, once."""
        if self._counted.turn(delta) is Turn.NEXT:
            self._windows.merge(delta.gathered)
            self._counted.count(delta)

    def now(self, clock: Callable[[], float]) -> Aggregates:
        """Return what was measured since the start."""
        self._windows.decay()
        return aggregate(self._windows, clock) if len(self._windows) else empty(clock())

    def checkpoint(self) -> None:
        """Make it durable. Raises `OSError`."""
        self._windows.checkpoint(self._folder / SINCE, self._counted.marks)

    def forget(self) -> None:
        """Remove its files."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _windows(collect: Collect, clock: Callable[[], float]) -> Windows:
    return Windows(collect.max_cells, collect.half_life_hours * 3600, clock)
