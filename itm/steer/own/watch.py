"""What the builder knows of own steps from build to build: their limits, what they said, whom to tell."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from itm.config import Builder
from itm.errors import OwnStepFailed
from itm.steer.own.runner import OwnRunner
from itm.steer.steps import Terms

log = logging.getLogger(__name__)


class Built(Protocol):
    """Of a class build: the terms it was decided under."""

    @property
    def terms(self) -> Terms:
        """With what own steps said."""


@dataclass(frozen=True, slots=True)
class OwnReport:
    """One own step at the last build: `fault` empty where it ran; `rows` it changed, of all classes."""

    step: str
    fault: str
    rows: int
    seconds: float


class OwnWatch:
    """Tells a step that begins to fail, and one that runs again, once each."""

    def __init__(self, settings: Builder) -> None:
        self._settings = settings
        self._reports: tuple[OwnReport, ...] = ()

    def runner(self) -> OwnRunner:
        """Return the children of one build."""
        return OwnRunner(self._settings.own_step_seconds, self._settings.own_step_megabytes)

    def note(self, builds: Sequence[Built], spent: Mapping[str, float]) -> None:
        """Keep what a build that is published made of them, and log what is new."""
        failing = {one.step for one in self._reports if one.fault}
        self._reports = reports_of(builds, spent)
        for one in self._reports:
            if one.fault and one.step not in failing:
                log.warning("own_step.failed", extra={"step": one.step, "reason": one.fault})
            elif not one.fault and one.step in failing:
                log.info("own_step.runs", extra={"step": one.step})

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the reports of the last build, JSON-ready."""
        return [{name: getattr(one, name) for name in one.__slots__} for one in self._reports]


def reports_of(builds: Sequence[Built], spent: Mapping[str, float]) -> tuple[OwnReport, ...]:
    """Return one report per step that any class names."""
    found: dict[str, OwnReport] = {}
    for outcome in (outcome for build in builds for outcome in build.terms.own):
        before = found.get(outcome.step)
        found[outcome.step] = OwnReport(
            outcome.step,
            (before.fault if before else "") or outcome.fault,
            (before.rows if before else 0) + len(outcome.key),
            round(spent.get(outcome.step, 0.0), 3),
        )
    return tuple(found.values())


def raise_if_failed(builds: Sequence[Built]) -> None:
    """Raise `OwnStepFailed` if any own step did: a catalog that names it does not go live."""
    for one in reports_of(builds, {}):
        if one.fault:
            raise OwnStepFailed(f"the step {one.step} did not run over all rows: {one.fault}")
