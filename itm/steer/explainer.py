"""Reads what `why` needs from disk and store, keeps it while the live map stays the same."""

from __future__ import annotations

import math
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from collectors.geography import continents
from collectors.geoip import GeoipReader, Whereabouts
from collectors.places import PlaceTable
from collectors.placesource import PlaceSource
from itm.catalog.load import load_bundle
from itm.config import Config
from itm.errors import ItmError, SnapshotError
from itm.routemap import current, snapshot
from itm.routemap.health import HealthReader
from itm.routemap.routemap import RouteMap
from itm.steer import inputs as inputs_file
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.placing import place_source
from itm.steer.story import Served
from itm.steer.world import World, predictions_path
from itm.store import catalogs
from itm.store.engine import Engine


class Explainer:
    """Answers `why` for the live map; safe to call from several threads."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._maps = config.state_dir / "maps"
        self._health = HealthReader(config.state_dir / "health.table")
        self._loaded: tuple[RouteMap, Inputs, World] | None = None
        self._places: PlaceSource | None = None
        geoip = config.geoip
        self._reader = GeoipReader(Path(geoip.city[0]), Path(geoip.asn)) if geoip.city and geoip.asn else None
        self._lock = threading.Lock()

    def explain(self, question: WhyQuestion) -> dict[str, Any]:
        """Return the story of one answer. Raises `ItmError`."""
        with self._lock:
            routemap, inputs, world = self._live()
            self._health.refresh()
            health = self._health.read()
        story = explain(question, Served(routemap, inputs, world, health.states, health.down))
        if self._reader is not None:
            address, _, _ = (question.client or question.resolver).strip().partition("/")
            story["geoip"] = _known(self._reader.lookup(address))
        return story

    def _live(self) -> tuple[RouteMap, Inputs, World]:
        version = current.live_version(self._maps)
        if version is None:
            raise ItmError("no map has been published yet")
        if self._loaded is None or self._loaded[0].version != version:
            routemap = snapshot.read(current.path_of(self._maps, version))
            inputs = inputs_file.load(self._maps, version)
            self._loaded = (routemap, inputs, self._world(inputs))
        return self._loaded

    def _world(self, inputs: Inputs) -> World:
        if self._loaded is not None:
            world = self._loaded[2]
            if (world.catalog_version, world.digest) == (inputs.catalog_version, inputs.predictions_digest):
                return world
        version = catalogs.get(self._engine, inputs.catalog_version)
        if version is None:
            raise ItmError(f"catalog version {inputs.catalog_version} of the live map is not in the store")
        places = self._place_table()
        if places.digest != inputs.places_digest:
            raise ItmError("the place table was replaced since this map was built; wait for the next build")
        path = predictions_path(self._config.state_dir / "predictions", inputs.predictions_digest)
        try:
            predictions = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise SnapshotError(f"{path.name}: {error}") from error
        return World(
            catalog=load_bundle(version.files),
            catalog_version=version.version,
            places=places,
            continents=continents(),
            predictions=predictions,
            digest=inputs.predictions_digest,
        )

    def _place_table(self) -> PlaceTable:
        if self._places is None:
            self._places = place_source(self._config)
        self._places.refresh()
        return self._places.table


def _known(found: Whereabouts) -> dict[str, Any]:
    """Return what the operator's own databases say of the address, without what they do not say."""
    known = asdict(found).items()
    return {k: v for k, v in known if v and not (isinstance(v, float) and math.isnan(v))}
