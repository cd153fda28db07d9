"""Where the builder gets what it does not make itself: places, predictor, catalog versions, pins."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from collectors.geography import continents
from collectors.places import PlaceTable
from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.config import Config
from itm.errors import CatalogError
from itm.steer.placing import place_source
from itm.steer.predict import predict_cells, predict_legs, predictions_digest
from itm.steer.trialfiles import FOLDER, TrialFiles
from itm.steer.world import World
from itm.store import audit, canaries, catalogs, pins, plans
from itm.store.canaries import Canary
from itm.store.catalogs import CatalogVersion
from itm.store.engine import Engine, StoreError, open_engine
from itm.store.pins import Pin
from itm.store.plans import AskedPlan
from models.artifact import Predictor
from models.errors import TrainingError
from models.train import load_or_train
from models.training import load as load_table

log = logging.getLogger(__name__)


class Givens:
    """The builder's view of the store and of the files on disk."""

    def __init__(self, config: Config, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._engine = engine
        self._clock = clock
        self._continents = continents()
        self._predictor: Predictor | None = None
        self._pin: Pin | None = None
        self._store_fault = ""
        self._places = place_source(config)

    @classmethod
    def open(cls, config: Config) -> Givens:
        """Open the store and load the places. Raises `ItmError` or `CollectorsError` naming what is wrong."""
        return cls(config, open_engine(config.store_url))

    @property
    def predictor(self) -> Predictor:
        """The latency predictor: the kept artifact, or one trained now (some seconds)."""
        if self._predictor is None:
            artifact = self._config.state_dir / "predictor.skops"
            self._predictor = load_or_train(self._training(), artifact, self._continents)
            log.info("predictor.ready", extra={"digest": self._predictor.digest[:16]})
        return self._predictor

    def forget_predictor(self) -> None:
        """Load it anew the next time: its artifact was replaced."""
        self._predictor = None

    def _training(self) -> Path:
        """Return the folder of the table that the predictor is trained with: with retraining, one that was
        tried, whatever the settings' one holds by now.
        """
        files = TrialFiles(self._config.state_dir / FOLDER, Path(self._config.model.training))
        if not self._config.model.retrain_days:
            return files.training
        try:
            load_table(files.in_use)
        except TrainingError as error:  # of another release, or damaged
            log.warning("reference.unusable", extra={"reason": error.reasons[0]})
            shutil.rmtree(files.reference, ignore_errors=True)
        try:
            files.keep_reference()
        except OSError as error:
            log.warning("reference.unkept", extra={"reason": str(error)})
        return files.in_use

    @property
    def continents(self) -> Mapping[str, str]:
        """Continent codes by country code."""
        return self._continents

    @property
    def places(self) -> PlaceTable:
        """The place table in use."""
        return self._places.table

    def places_changed(self) -> bool:
        """Look now and then whether the files were replaced; a broken new one is told, and not used."""
        told = self._places.error
        changed = self._places.refresh()
        if self._places.error and self._places.error != told:
            log.warning("places.unusable", extra={"reason": self._places.error})
        return changed

    def world(self, catalog: Catalog, version: int) -> World:
        """Return the world of one catalog version, with its predictions."""
        folder = self._config.state_dir / "predictions"
        return World(
            catalog=catalog,
            catalog_version=version,
            places=self.places,
            continents=self._continents,
            predictions=predict_cells(self.predictor, self.places, catalog.pops, folder),
            digest=predictions_digest(self.predictor, self.places, catalog.pops),
            leg_predictions=predict_legs(self.predictor, catalog),
        )

    def pending_catalog(self) -> CatalogVersion | None:
        """Return the newest version that waits to be settled; none while the store does not answer."""
        try:
            found = catalogs.latest_pending(self._engine)
        except StoreError as error:
            self._tell_once(error)
            return None
        self._store_fault = ""
        return found

    def live_catalog(self) -> tuple[Catalog, int] | None:
        """Return the catalog that is live, with its version."""
        live = catalogs.live(self._engine)
        return None if live is None else (load_bundle(live.files), live.version)

    def pinned_map(self) -> int | None:
        """Return the map version a person went back to, while that holds (as last known)."""
        with contextlib.suppress(StoreError):  # told by `pending_catalog`, which asks every turn
            self._pin = pins.get(self._engine)
        return None if self._pin is None else self._pin.version

    def running_canary(self) -> Canary | None:
        """Return the canary that runs; raises `StoreError`."""
        return canaries.running(self._engine)

    def begin_canary(self, asked: Canary, plan: Mapping[str, Any]) -> Canary:
        """Make a pending version a canary that runs."""
        return canaries.begin(self._engine, asked, plan, now=self._clock())

    def end_canary(self, canary: Canary, fate: str, reason: str, verdict: Any) -> None:
        """End it: promoted its version is live, else refused."""
        canaries.end(self._engine, canary, fate, reason, verdict, now=self._clock())

    def catalog(self, version: int) -> Catalog:
        """Return a version's catalog. Raises `CatalogError` when this release does not take it any more."""
        found = catalogs.get(self._engine, version)
        if found is None:
            raise CatalogError([f"version {version} is not in the store"])
        return load_bundle(found.files)

    def waiting_plan(self) -> AskedPlan | None:
        """Return the oldest catalog whose Plan is asked for; none while the store does not answer."""
        with contextlib.suppress(StoreError):  # told by `pending_catalog`
            return plans.waiting(self._engine)
        return None

    def answer_plan(self, number: int, found: Mapping[str, Any] | None, reason: str = "") -> None:
        """Answer one that waits: with the whole Plan, or with the reason why there is none."""
        plans.answer(self._engine, number, found, now=self._clock(), reason=reason)

    def note(self, action: str, **detail: Any) -> None:
        """Write a line of the audit; told when the store does not answer."""
        try:
            audit.write(self._engine, self._clock(), "builder", action, **detail)
        except StoreError as error:
            self._tell_once(error)

    def refuse(self, version: int, reason: str, plan: Mapping[str, Any]) -> None:
        """Settle a pending version as refused."""
        text = json.dumps(plan)
        catalogs.settle(self._engine, version, "refused", text, now=self._clock(), reason=reason)

    def make_live(self, version: int, plan: Mapping[str, Any], removed: str = "") -> None:
        """Settle a pending version as live; what it `removed` is its reason."""
        text = json.dumps(plan)
        catalogs.settle(self._engine, version, "live", text, now=self._clock(), reason=removed)

    def _tell_once(self, error: Exception) -> None:
        if str(error) != self._store_fault:
            log.warning("store.unreachable", extra={"reason": str(error)})
        self._store_fault = str(error)
