"""The live catalog as the edge process holds it: read from the store, replaced whole when it changes.

While a canary runs it has the POPs of both catalogs, which are all checked and measured. Polled, because the
builder makes a version live in another process. Knows the store and the catalog loader; what follows from a
change is the business of whoever calls `refresh`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import Engine

from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.steer.twins import twins
from itm.store import catalogs

NOTHING = Catalog((), (), ())


@dataclass(frozen=True, slots=True)
class Version:
    """One catalog version; 0 stands for none yet. `canary` is that of the version on trial, 0: none is."""

    number: int
    catalog: Catalog
    pop_ids: frozenset[str]
    canary: int = 0


class LiveCatalog:
    """`now` is the version in force; a reader takes it once and uses it for its whole request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.now = Version(0, NOTHING, frozenset())

    async def refresh(self) -> bool:
        """Look into the store; return whether another version is live now."""
        found = await asyncio.to_thread(self._read)
        if found is None:
            return False
        self.now = found
        return True

    def _read(self) -> Version | None:
        stored, trial = catalogs.live(self._engine), catalogs.canary(self._engine)
        canary = 0 if trial is None else trial.version
        if stored is None or (stored.version, canary) == (self.now.number, self.now.canary):
            return None
        catalog = load_bundle(stored.files)
        if trial is not None:
            catalog, _ = twins(catalog, load_bundle(trial.files))
        return Version(stored.version, catalog, frozenset(pop.id for pop in catalog.pops), canary)
