"""Runs own steps: in each build a child per step, a budget of time and memory each, and no second chance.

A step that failed once in a build is not asked again in it: all classes after it are decided without it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from itm.catalog.types import OWN_PREFIX
from itm.errors import OwnStepFailed
from itm.steer.outcome import Change
from itm.steer.own.judge import judge
from itm.steer.own.process import StepProcess
from itm.steer.own.view import View


class OwnSteps(Protocol):
    """Whoever can run own steps."""

    def begin(self) -> None:
        """Begin a build: every step has all its time again."""

    def run(self, step: str, view: View, /) -> Change:
        """Return what the step changes in these rows. Raises `OwnStepFailed`."""


class NoOwnSteps:
    """For builds that run no foreign code: every own step is as if it were not there."""

    def begin(self) -> None:
        """Begin a build, without any effect."""

    def run(self, step: str, _view: View, /) -> Change:
        """Raise `OwnStepFailed`."""
        raise OwnStepFailed(f"{step} was not asked: own steps run in the builder")


class OwnRunner:
    """The children of a build, and of another when it begins; a context that ends them. By step, `spent` in
    seconds and `faults`.
    """

    def __init__(self, seconds: float, megabytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._megabytes, self._clock = seconds, megabytes, clock
        self._ends = ExitStack()
        self._processes: dict[str, StepProcess] = {}
        self.faults: dict[str, str] = {}
        self.spent: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def begin(self) -> None:
        """Begin a build: with other processes, and every step has all its time again."""
        self._ends.close()
        self._processes.clear()
        self.faults, self.spent = {}, {}

    def run(self, step: str, view: View, /) -> Change:
        """Return what the step changes in these rows. Raises `OwnStepFailed`, for all of this build."""
        if step in self.faults:
            raise OwnStepFailed(self.faults[step])
        begun = self._clock()
        try:
            return self._asked(step, view)
        except OwnStepFailed as error:
            self.faults[step] = str(error)
            raise
        finally:
            self.spent[step] = self.spent.get(step, 0.0) + self._clock() - begun

    def _asked(self, step: str, view: View) -> Change:
        left = self._seconds - self.spent.get(step, 0.0)
        if left <= 0:
            raise OwnStepFailed(f"took longer than {self._seconds:g} s")
        answer = self._process(step).ask(view, left)
        fault = str(answer.facts.get("fault", "answered without a word"))
        if fault:
            raise OwnStepFailed(fault)
        return judge(answer.arrays, view)

    def _process(self, step: str) -> StepProcess:
        if step not in self._processes:
            said = self._ends.enter_context(os.fdopen(os.memfd_create("said"), "w+b"))
            name = step.removeprefix(OWN_PREFIX)
            process = StepProcess(name, self._seconds, self._megabytes, said)
            self._ends.callback(process.end)
            self._processes[step] = process
        return self._processes[step]
