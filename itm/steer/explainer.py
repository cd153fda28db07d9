"""Reads what `why` needs from disk and store, keeps it while the live map stays the same."""

from __future__ import annotations

import math
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collectors.geoip import GeoipReader, Whereabouts
from itm.config import Config
from itm.errors import ItmError
from itm.routemap import current, snapshot
from itm.routemap.health import HealthReader
from itm.routemap.routemap import RouteMap
from itm.steer import inputs as inputs_file
from itm.steer.explain import WhyQuestion, explain, network_of
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
        self._loaded: Loaded | None = None
        geoip = config.geoip
        self._reader = GeoipReader(Path(geoip.city[0]), Path(geoip.asn)) if geoip.city and geoip.asn else None
        self._lock = threading.Lock()

    def explain(self, question: WhyQuestion) -> dict[str, Any]:
        """Return the story of one answer. Raises `ItmError`."""
        with self._lock:
            loaded = self._live()
            self._health.refresh()
            health = self._health.read()
        world, inputs = loaded.decided_by(question)
        live = loaded.world.catalog
        story = explain(question, Served(loaded.routemap, inputs, world, health.states, health.down, live))
        story["canary"] = loaded.canary(inputs)
        if self._reader is not None:
            address, _, _ = (question.client or question.resolver).strip().partition("/")
            story["geoip"] = _known(self._reader.lookup(address))
        return story

    def _live(self) -> Loaded:
        version = current.live_version(self._maps)
        if version is None:
            raise ItmError("no map has been published yet")
        if self._loaded is None or self._loaded.routemap.version != version:
            routemap = snapshot.read(current.path_of(self._maps, version))
            inputs = inputs_file.load(self._maps, version)
            apart = None
            if inputs.trial is not None:
                own = inputs_file.load(self._maps / inputs_file.CANARY, version)
                apart = self._worlds.of(own), own
            self._loaded = Loaded(routemap, inputs, self._worlds.of(inputs), apart)
        return self._loaded


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """The live map, its inputs and its world; `apart` are those that decide for the slice of a canary."""

    routemap: RouteMap
    inputs: Inputs
    world: World
    apart: tuple[World, Inputs] | None

    def decided_by(self, question: WhyQuestion) -> tuple[World, Inputs]:
        """Return the world that decided for who asks: by the place of its network, if both steer the name."""
        if self.apart is None or self.inputs.trial is None:
            return self.world, self.inputs
        changed, inputs = self.apart
        absolute = question.name.lower().rstrip(".") + "."
        place = self.world.places.key[[self.world.places.place_of(network_of(question))]]
        is_inside = bool(self.inputs.trial.slice.has(place)[0]) and absolute in changed.class_index
        return (changed, inputs) if is_inside else (self.world, self.inputs)

    def canary(self, decided_by: Inputs) -> dict[str, Any] | None:
        """Tell the canary that runs, and whether its world decided."""
        trial = self.inputs.trial
        if trial is None:
            return None
        facts = {"catalog_version": trial.changed, "share": trial.slice.share, "seed": trial.slice.seed}
        return {**facts, "decided": decided_by is not self.inputs}


def _known(found: Whereabouts) -> dict[str, Any]:
    """Return what the operator's own databases say of the address, without what they do not say."""
    known = asdict(found).items()
    return {k: v for k, v in known if v and not (isinstance(v, float) and math.isnan(v))}
