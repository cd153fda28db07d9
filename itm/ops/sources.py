"""When each source was last heard of each POP, and which have gone quiet: a rule per source, in the settings.

Told of measurements once they are durable, by the journal, whoever took them; of checks and loads by those
who take them. Kept in a small file, so that a restart makes nobody sound new. Decides nothing: what fades is
the windows' business, and a load that is stale is `Loads`'.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from collectors.arrays import write
from collectors.cells import mix64
from collectors.journal import Records
from collectors.measurement import SOURCES
from itm.config import Stale

log = logging.getLogger(__name__)

FILE: Final = "sources.json"
SAVE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest datum of one source about one POP: its time, its age, and how old it may be."""

    source: str
    pop: str
    newest: float
    age_seconds: float
    stale_after_seconds: float

    @property
    def is_stale(self) -> bool:
        """Whether the source has gone quiet about this POP."""
        return self.age_seconds > self.stale_after_seconds


class Sources:
    """The newest time of each (source, POP) ever heard of. For any thread."""

    def __init__(self, path: Path, rules: Stale, clock: Callable[[], float]) -> None:
        self._path, self._clock = path, clock
        self.rules = {name.removesuffix("_seconds"): seconds for name, seconds in asdict(rules).items()}
        """Seconds after which each source's newest datum is stale, in the order in which they are shown."""
        self._turn = threading.Lock()
        self._newest = _kept(path, self.rules)
        self._is_changed = False

    def note(self, source: str, pop: str, time: float) -> None:
        """Take in that a source said something of a POP, of this time; later than now counts as now."""
        moment = min(time, self._clock())
        with self._turn:
            if moment > self._newest.get((source, pop), -1.0):
                self._newest[source, pop] = moment
                self._is_changed = True

    def note_records(self, records: Records) -> None:
        """Take in records that are durable: the newest of each source and POP."""
        words = np.ascontiguousarray(records["pop"]).view("<u8").reshape(len(records), -1)
        name = records["source"].astype(np.uint64)
        for part in range(words.shape[1]):
            name = mix64(name ^ words[:, part])
        _, first, which = np.unique(name, return_index=True, return_inverse=True)
        newest = np.zeros(len(first))
        np.maximum.at(newest, which, records["time"])
        for at, time in zip(first.tolist(), newest.tolist(), strict=True):
            source, pop = records["source"][at], records["pop"][at]
            if source < len(SOURCES):
                self.note(SOURCES[source], pop.decode("ascii", "replace"), time)

    def heard(self, pops: Collection[str]) -> list[Heard]:
        """Return what is known of these POPs, by source in the order of the rules, then by POP."""
        now = self._clock()
        with self._turn:
            known = sorted(self._newest.items(), key=lambda item: item[0][1])
        return [
            Heard(source, pop, time, max(0.0, now - time), seconds)
            for source, seconds in self.rules.items()
            for (other, pop), time in known
            if other == source and pop in pops
        ]

    async def run(self) -> None:
        """Keep the file up to date until cancelled."""
        try:
            while True:
                await asyncio.sleep(SAVE_SECONDS)
                await asyncio.to_thread(self._save)
        finally:
            self._save()

    def _save(self) -> None:
        with self._turn:
            if not self._is_changed:
                return
            rows = [[source, pop, time] for (source, pop), time in sorted(self._newest.items())]
            self._is_changed = False
        try:
            write(self._path, json.dumps(rows).encode())
        except OSError as error:
            log.warning("sources.unwritten", extra={"reason": str(error)})


def _kept(path: Path, rules: Collection[str]) -> dict[tuple[str, str], float]:
    """Return what the process before has kept; nothing when that cannot be read."""
    try:
        rows = json.loads(path.read_bytes())
        return {(str(s), str(pop)): float(time) for s, pop, time in rows if s in rules}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        log.warning("sources.unreadable", extra={"reason": str(error)})
        return {}
