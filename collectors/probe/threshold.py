"""Consecutive thresholds: `fall` failures in a row turn a verdict down, `rise` successes turn it up.

Pure: an outcome and a time in, the next verdict out. How a target starts is said: `up` (a server that has
just started does not empty its answers before it has checked anything), `down` (not before `rise` successes),
or `unknown`: up, and the first outcome alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from collectors.probe.outcome import Outcome

STARTS: Final = ("up", "down", "unknown")


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many consecutive outcomes change a verdict; both at least 1."""

    rise: int
    fall: int

    def __post_init__(self) -> None:
        if self.rise < 1 or self.fall < 1:
            raise ValueError(f"rise and fall are at least 1, got rise={self.rise} fall={self.fall}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of outcomes says about one target.

    `since` is the time of the last change of `up` (seconds since the epoch); `contrary` counts the
    outcomes in a row that contradict `up`; `checks` all outcomes ever; `detail` is the last failure; `notice`
    and `days_left` are of the last success. `is_open`: nothing is known, and the next outcome decides.
    """

    up: bool
    since: float
    contrary: int = 0
    checks: int = 0
    elapsed_ms: float = 0.0
    detail: str = ""
    notice: str = ""
    days_left: float | None = None
    is_open: bool = False


def start(now: float, state: str = "up") -> Verdict:
    """Return the verdict of a target nobody has checked yet; `state` is one of `STARTS`."""
    return Verdict(up=state != "down", since=now, is_open=state == "unknown")


def judge(verdict: Verdict, outcome: Outcome, threshold: Threshold, now: float) -> Verdict:
    """Return the verdict after one more outcome."""
    seen = replace(
        verdict,
        checks=verdict.checks + 1,
        elapsed_ms=outcome.elapsed_ms,
        detail=verdict.detail if outcome.up else outcome.detail,
        notice=outcome.notice if outcome.up else verdict.notice,
        days_left=outcome.days_left if outcome.up else verdict.days_left,
        is_open=False,
    )
    if outcome.up == verdict.up:
        return replace(seen, contrary=0)
    contrary = verdict.contrary + 1
    if not verdict.is_open and contrary < (threshold.fall if verdict.up else threshold.rise):
        return replace(seen, contrary=contrary)
    return replace(seen, up=outcome.up, since=now, contrary=0)
