"""Kept maps with the worlds they were decided in, made again from store and state directory; reads only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from collectors.geography import continents
from collectors.places import PlaceTable
from collectors.placesource import PlaceSource
from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.config import Config
from itm.errors import ItmError, SnapshotError
from itm.routemap import current, snapshot
from itm.steer import inputs as inputs_file
from itm.steer.compare import TOP, Reading, differences, removed
from itm.steer.inputs import Inputs
from itm.steer.placing import place_source
from itm.steer.pricing import Believed
from itm.steer.twins import twins
from itm.steer.world import World, predictions_path
from itm.store import catalogs
from itm.store.engine import Engine, open_engine

KEPT: Final = 2
"""A live world and that of a canary."""


class KeptWorlds:
    """Makes the worlds that kept inputs name; the last ones used are kept."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._places: PlaceSource | None = None
        self._kept: dict[tuple[int, str], World] = {}

    def of(self, inputs: Inputs) -> World:
        """Return the world. Raises `ItmError` when its catalog, places or prediction are gone."""
        name = (inputs.catalog_version, inputs.predictions_digest)
        world = self._made(inputs) if name not in self._kept else self._kept.pop(name)
        self._kept[name] = world
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return world

    def _made(self, inputs: Inputs) -> World:
        catalog = self._catalog(inputs.catalog_version)
        if inputs.trial is not None:
            both = twins(*(self._catalog(version) for version in (inputs.trial.live, inputs.trial.changed)))
            catalog = both[inputs.catalog_version == inputs.trial.changed]
        places = self._place_table()
        if places.digest != inputs.places_digest:
            raise ItmError("the place table was replaced since this map was built; wait for the next build")
        path = predictions_path(self._config.state_dir / "predictions", inputs.predictions_digest)
        try:
            predictions = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise SnapshotError(f"{path.name}: {error}") from error
        return World(
            catalog=catalog,
            catalog_version=inputs.catalog_version,
            places=places,
            continents=continents(),
            predictions=predictions,
            digest=inputs.predictions_digest,
        )

    def _catalog(self, version: int) -> Catalog:
        found = catalogs.get(self._engine, version)
        if found is None:
            raise ItmError(f"catalog version {version} of this map is not in the store")
        return load_bundle(found.files)

    def _place_table(self) -> PlaceTable:
        if self._places is None:
            self._places = place_source(self._config)
        self._places.refresh()
        return self._places.table


def difference(config: Config, old: int, new: int, top: int = TOP) -> dict[str, Any]:
    """Return what kept map `new` changed against kept map `old`, as JSON-ready data.

    Raises `ItmError` for a map that cannot be read, and when the new one's world cannot be made.
    """
    worlds = KeptWorlds(config, open_engine(config.store_url))
    maps = config.state_dir / "maps"
    before, after = (snapshot.read(current.path_of(maps, version)) for version in (old, new))
    inputs = inputs_file.load(maps, new)
    now = Reading(after, Believed(worlds.of(inputs), inputs.evidence, inputs.demand))
    found = differences(Reading(before, _believed(maps, worlds, old)), now, top)
    gone = removed(before, now.services)
    return {"old": old, "new": new, "removed": list(gone), "classes": [one.as_dict() for one in found]}


def _believed(maps: Path, worlds: KeptWorlds, version: int) -> Believed | None:
    """Return what an older map's world costs; None when it cannot be made any more."""
    try:
        inputs = inputs_file.load(maps, version)
        return Believed(worlds.of(inputs), inputs.evidence, inputs.demand)
    except ItmError:
        return None
