"""What becomes of a canary by what was measured of it: go on watching, promote, or roll back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from itm.steer.effect import Effect


class Fate(Enum):
    """What is to be done with a canary."""

    WATCHING = "watching"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What counts as harm, and how much must be known before a canary is promoted.

    A canary harms when with the stated confidence round trips are worse by more than `harm_ms` or
    availability by more than `harm_availability` (0..1); it is promoted once that is excluded, at
    least `watch_seconds` after its start. Either takes `least_places` places' worth of evidence on each side.
    """

    watch_seconds: float
    least_places: float
    harm_ms: float
    harm_availability: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The effects on the slice, positive is worse: round trips in ms, availability lost; None: not known.

    `differing` counts the places of the slice for which the two worlds decide differently.
    """

    differing: int
    latency: Effect | None
    unavailability: Effect | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done and why, with the numbers."""

    fate: Fate
    reason: str
    measured: Measured

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-ready data."""
        return {"fate": self.fate.value, "reason": self.reason, **asdict(self.measured)}


def judge(measured: Measured, age_seconds: float, tolerance: Tolerance, alarm: str = "") -> Verdict:
    """Return what becomes of a canary of that age; `alarm` is why it must end whatever was measured."""
    latency = _enough(measured.latency, tolerance)
    lost = _enough(measured.unavailability, tolerance)
    told = "; ".join(part for part in (_told_ms(latency), _told_share(lost)) if part)
    if alarm:
        return Verdict(Fate.ROLLED_BACK, alarm, measured)
    is_slow = latency is not None and latency.low > tolerance.harm_ms
    if is_slow or (lost is not None and lost.low > tolerance.harm_availability):
        return Verdict(Fate.ROLLED_BACK, f"measured harm: {told}", measured)
    left = tolerance.watch_seconds - age_seconds
    if left > 0:
        return Verdict(Fate.WATCHING, f"{left / 60:.0f} minutes to go{told and '; ' + told}", measured)
    if measured.differing == 0:
        return Verdict(Fate.PROMOTED, "it decides nothing differently for the slice", measured)
    if latency is None:
        return Verdict(Fate.WATCHING, _lacking(measured.latency, tolerance), measured)
    if latency.high > tolerance.harm_ms or (lost is not None and lost.high > tolerance.harm_availability):
        return Verdict(Fate.WATCHING, f"harm is not excluded yet: {told}", measured)
    return Verdict(Fate.PROMOTED, f"no harm measured: {told}", measured)


def _enough(effect: Effect | None, tolerance: Tolerance) -> Effect | None:
    if effect is None or min(effect.inside, effect.outside) < tolerance.least_places:
        return None
    return effect


def _lacking(latency: Effect | None, tolerance: Tolerance) -> str:
    inside, outside = (latency.inside, latency.outside) if latency else (0.0, 0.0)
    return (
        f"too little is measured: {inside:.0f} places' worth inside the slice and {outside:.0f} outside, "
        f"expected {tolerance.least_places:.0f} of each"
    )


def _told_ms(effect: Effect | None) -> str:
    if effect is None:
        return ""
    return f"round trips {effect.estimate:+.1f} ms [{effect.low:+.1f}, {effect.high:+.1f}]"


def _told_share(effect: Effect | None) -> str:
    if effect is None:
        return ""
    return f"availability {-effect.estimate:+.1%} [{-effect.high:+.1%}, {-effect.low:+.1%}]"
