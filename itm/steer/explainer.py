"""Reads what `why` needs from disk and store, keeps it while the live map stays the same."""

from __future__ import annotations

import math
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from collectors.geoip import GeoipReader, Whereabouts
from itm.config import Config
from itm.errors import ItmError
from itm.routemap import current, snapshot
from itm.routemap.health import HealthReader
from itm.routemap.routemap import RouteMap
from itm.steer import inputs as inputs_file
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.kept import KeptWorlds
from itm.steer.story import Served
from itm.steer.world import World
from itm.store.engine import Engine


class Explainer:
    """Answers `why` for the live map; safe to call from several threads."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._worlds = KeptWorlds(config, engine)
        self._maps = config.state_dir / "maps"
        self._health = HealthReader(config.state_dir / "health.table")
        self._loaded: tuple[RouteMap, Inputs, World] | None = None
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
            self._loaded = (routemap, inputs, self._worlds.of(inputs))
        return self._loaded


def _known(found: Whereabouts) -> dict[str, Any]:
    """Return what the operator's own databases say of the address, without what they do not say."""
    known = asdict(found).items()
    return {k: v for k, v in known if v and not (isinstance(v, float) and math.isnan(v))}
