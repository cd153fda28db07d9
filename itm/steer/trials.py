"""Begins and ends canaries for the builder: worlds over the same POPs, files, the store's word."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from itm.catalog.load import MAIN
from itm.catalog.types import Catalog
from itm.config import Config
from itm.errors import CatalogError
from itm.steer import memoryfiles
from itm.steer.canary import Canary
from itm.steer.givens import Givens
from itm.steer.learner import Learner
from itm.steer.memory import Memory
from itm.steer.twins import twins
from itm.steer.world import World
from itm.store.canaries import Canary as Row
from itm.store.catalogs import CatalogVersion

log = logging.getLogger(__name__)

FOLDER: Final = "canary"
"""In the state directory: `watch` and `memory` of the canary that runs."""


class Trials:
    """What of a canary is files and store; deciding and judging are the `Canary`'s own."""

    def __init__(self, config: Config, givens: Givens, learner: Learner) -> None:
        self._config = config
        self._givens = givens
        self._learner = learner
        self._folder = config.state_dir / FOLDER
        self._memory = self._folder / "memory"
        self.ended: Counter[str] = Counter()
        """Canaries that came to an end since the start, by their fate."""

    def worlds(self, live: Catalog, live_version: int, changed: Catalog, version: int) -> tuple[World, World]:
        """Return the worlds of two catalogs, over all POPs of both.

        Raises `CatalogError` where the changed one lacks a service of the live one.
        """
        has = {service.name for service in changed.services}
        gone = [service.name for service in live.services if service.name not in has]
        if gone:
            text = "which is live: a canary takes no service away"
            raise CatalogError([f"{MAIN}: services: expected {name}, {text}" for name in gone])
        own, theirs = twins(live, changed)
        return self._givens.world(own, live_version), self._givens.world(theirs, version)

    def candidate(self, pending: CatalogVersion, world: World, memories: tuple[Memory, ...]) -> Canary:
        """Return what a pending version would be as a canary, with what is served now for its memory.

        The past that it will be measured against is what the learner's last evidence was made of.
        """
        share = pending.canary_share or self._config.canary.share
        seed = pending.version if pending.canary_seed is None else pending.canary_seed
        shutil.rmtree(self._folder, ignore_errors=True)
        memoryfiles.save(self._memory, memories, world.class_index)
        watch = self._learner.begin_watch(self._folder / "watch", self._config.collect)
        return Canary(Row.asked(pending.version, share, seed), world, watch, self._memory)

    def begin(self, canary: Canary, plan: Mapping[str, Any]) -> None:
        """Have the store say that it runs."""
        canary.row = self._givens.begin_canary(canary.row, plan)
        told = {"version": canary.row.version, "share": canary.row.share, "seed": canary.row.seed}
        log.info("canary.begun", extra=told)

    def restored(self, row: Row, live: Catalog, live_version: int) -> tuple[World, Canary]:
        """Return the worlds of a canary that a process before this one began. Raises `CatalogError`."""
        own, theirs = self.worlds(live, live_version, self._givens.catalog(row.version), row.version)
        folder, collect = self._folder / "watch", self._config.collect
        watch = self._learner.restored_watch(folder, collect)
        if watch is None:
            self._learner.evidence(own)
            watch = self._learner.begin_watch(folder, collect)
        return own, Canary(row, theirs, watch, self._memory)

    def end(self, row: Row, fate: str, reason: str, canary: Canary | None) -> None:
        """End it, in the store first; promoted, all networks go on from what its world remembers."""
        verdict = canary.verdict.as_dict() if canary and canary.verdict else None
        self._givens.end_canary(row, fate, reason, verdict)
        if fate == "promoted" and canary is not None:
            memory = self._config.state_dir / "memory"
            memoryfiles.save(memory, canary.memories, canary.world.class_index)
        self.forget()
        self.ended[fate] += 1
        log.warning("canary.ended", extra={"version": row.version, "fate": fate, "reason": reason})

    def forget(self) -> None:
        """Watch no longer, and remove the files."""
        self._learner.watch = None
        shutil.rmtree(self._folder, ignore_errors=True)
