"""Retraining on schedule: every so many days, if the training table has changed, a child tries it.

The builder goes on meanwhile. What the child accepts replaces the artifact; what it refuses changes nothing,
and is told with the numbers: in the log, the audit, `last.json` and the alarms. A table that changed while
the server was down is tried at once, and never taken untried.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from collectors.aggregate import Aggregates
from itm.config import Config
from itm.steer.evidence import Evidence
from itm.steer.givens import Givens
from itm.steer.modelwatch import measured_places
from itm.steer.trialfiles import FOLDER, Measured, TrialFiles
from itm.steer.world import World
from models.errors import ModelError
from models.training import load

log = logging.getLogger(__name__)

DAY_SECONDS: Final = 86_400.0
MOST_SECONDS: Final = 6 * 3600.0
"""A trainer that takes longer, at the lowest priority of a busy machine, is given up."""


class Running(Protocol):
    """A child at work."""

    def poll(self) -> int | None:
        """Return its status, None while it runs."""

    def kill(self) -> None:
        """End it."""


def start_trainer(config: Config) -> Running:
    """Start `itm worker trainer` with these settings; it ends with us. Raises `OSError`."""
    words = [sys.executable, "-m", "itm", "worker", "trainer", "--supervisor", str(os.getpid())]
    given = {
        "state": config.state_dir,
        "store.url": config.store.url,
        "model.training": config.model.training,
        "model.retrain_days": config.model.retrain_days,
        "geoip.places": config.geoip.places,
        "geoip.city": ",".join(config.geoip.city),
        "geoip.asn": config.geoip.asn,
    }
    for name, value in given.items():
        words += ["--set", f"{name}={value}"]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL)  # noqa: S603  our own interpreter


class Retraining:
    """Looks whether it is time, has the child work, and settles what it said."""

    def __init__(
        self,
        config: Config,
        givens: Givens,
        clock: Callable[[], float],
        start: Callable[[Config], Running] = start_trainer,
    ) -> None:
        self._config = config
        self._givens = givens
        self._clock = clock
        self._start = start
        self._files = TrialFiles(config.state_dir / FOLDER, Path(config.model.training))
        self._last = self._files.read(self._files.last)
        self._is_first = True
        self._child: Running | None = None
        self._began_at = 0.0

    def step(self, world: World, aggregates: Aggregates) -> bool:
        """Do what is due; True when another predictor is in place."""
        if not self._config.model.retrain_days:
            return False
        if self._child is not None:
            return self._watch(self._child)
        if self._is_due():
            try:
                self._begin(world, aggregates)
            except (ModelError, OSError) as error:
                self._settle("failed", [str(error)])
        self._is_first = False
        return False

    def _is_due(self) -> bool:
        wait = self._config.model.retrain_days * DAY_SECONDS
        looked_at = self._last.get("looked_at")
        if looked_at is None:
            self._settle("unchanged", [])
            return False
        # At start a table that nobody has looked at is due: `load_or_train` would have taken it.
        is_new = self._is_first and self._digest() not in (None, self._last.get("table"), self._in_use())
        return is_new or not 0 <= self._clock() - looked_at < wait

    def _begin(self, world: World, aggregates: Aggregates) -> None:
        if load(self._files.training).digest == self._in_use():
            self._settle("unchanged", [])
            return
        place, rtt_ms = measured_places(world, Evidence.of(aggregates, world.pops))
        self._files.begin(Measured(world.places.key[place], world.pops, rtt_ms))
        self._child, self._began_at = self._start(self._config), self._clock()
        log.info("model.trying")

    def _watch(self, child: Running) -> bool:
        status = child.poll()
        if status is None:
            if self._clock() - self._began_at > MOST_SECONDS:
                child.kill()
                self._child = None
                self._settle("failed", [f"took longer than {MOST_SECONDS / 3600:g} h"])
            return False
        self._child = None
        verdict = self._files.read(self._files.verdict)
        if status or not verdict:
            self._settle("failed", [f"the trainer ended with status {status}"])
        elif not verdict["accepted"]:
            self._settle("refused", verdict["reasons"], verdict)
        else:
            return self._replace(verdict)
        return False

    def _replace(self, verdict: dict[str, Any]) -> bool:
        try:
            self._files.accept(self._config.state_dir / "predictor.skops")
        except OSError as error:
            self._settle("failed", [str(error)], verdict)
            return False
        self._givens.forget_predictor()
        self._settle("replaced", [], verdict)
        return True

    def _settle(self, outcome: str, reasons: list[str], verdict: dict[str, Any] | None = None) -> None:
        """Keep what came of a look, and tell it if anything did."""
        figures = {name: (verdict or {}).get(name) for name in ("held_out", "live")}
        now = self._clock()
        self._last = {"looked_at": now, "outcome": outcome, "reasons": reasons, "table": self._digest()}
        self._last |= figures
        try:
            self._files.write(self._files.last, self._last)
        except OSError as error:
            log.warning("retraining.unwritten", extra={"reason": str(error)})
        if outcome != "unchanged":
            level = logging.INFO if outcome == "replaced" else logging.WARNING
            log.log(level, f"model.{outcome}", extra={"reasons": reasons})
            self._givens.note(f"model.{outcome}", reasons=reasons, **figures)

    def _digest(self) -> str | None:
        """Return the digest of the table that the settings name, None for one that cannot be read."""
        try:
            return load(self._files.training).digest
        except ModelError:
            return None

    def _in_use(self) -> str:
        return load(self._files.in_use).digest
