"""The live catalog as the edge process holds it: read from the store, replaced whole when it changes.

Polled, because the builder makes a version live in another process. Knows the store and the catalog
loader; what follows from a change is the business of whoever calls `refresh`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import Engine

from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.store import catalogs

NOTHING = Catalog((), (), ())


@dataclass(frozen=True, slots=True)
class Version:
    """One catalog version; 0 stands for none yet."""

    number: int
    catalog: Catalog
    pop_ids: frozenset[str]


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
        stored = catalogs.live(self._engine)
        if stored is None or stored.version == self.now.number:
            return None
        catalog = load_bundle(stored.files)
        return Version(stored.version, catalog, frozenset(pop.id for pop in catalog.pops))
