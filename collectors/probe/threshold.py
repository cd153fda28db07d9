"""Consecutive thresholds: `fall` failures in a row turn a verdict down, `rise` successes turn it up.

Pure: an outcome and a time in, the next verdict out. A target starts `up`, so that a server which
has just started does not empty its answers before it has checked anything; the first `fall`
failures then take the target out like any others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from collectors.probe.outcome import Outcome


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
    outcomes in a row that contradict `up`; `checks` all outcomes ever; `detail` is the last failure.
    """

    up: bool
    since: float
    contrary: int = 0
    checks: int = 0
    elapsed_ms: float = 0.0
    detail: str = ""


def start(now: float, *, up: bool = True) -> Verdict:
    """Return the verdict of a target nobody has checked yet: up, unless it is known to have been down."""
    return Verdict(up=up, since=now)


def judge(verdict: Verdict, outcome: Outcome, threshold: Threshold, now: float) -> Verdict:
    """Return the verdict after one more outcome."""
    seen = replace(
        verdict,
        checks=verdict.checks + 1,
        elapsed_ms=outcome.elapsed_ms,
        detail=verdict.detail if outcome.up else outcome.detail,
    )
    if outcome.up == verdict.up:
        return replace(seen, contrary=0)
    contrary = verdict.contrary + 1
    if contrary < (threshold.fall if verdict.up else threshold.rise):
        return replace(seen, contrary=contrary)
    return replace(seen, up=outcome.up, since=now, contrary=0)
