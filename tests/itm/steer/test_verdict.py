"""A canary's fate, by the numbers."""

from __future__ import annotations

import json

import pytest

from itm.steer.effect import Effect
from itm.steer.verdict import Fate, Measured, Tolerance, judge

TOLERANCE = Tolerance(watch_seconds=3600.0, least_places=20.0, harm_ms=5.0, harm_availability=0.02)


def ms(low: float, high: float, places: float = 40.0) -> Effect:
    return Effect((low + high) / 2, low, high, places, 3 * places)


@pytest.mark.parametrize(
    ("latency", "lost", "age", "fate", "reason"),
    [
        (ms(6, 20), None, 10, Fate.ROLLED_BACK, "measured harm: round trips +13.0 ms [+6.0, +20.0]"),
        (ms(6, 20, places=19), None, 10, Fate.WATCHING, "60 minutes to go"),
        (ms(-2, 1), ms(0.03, 0.05), 10, Fate.ROLLED_BACK, "availability -4.0% [-5.0%, -3.0%]"),
        (ms(-2, 1), None, 10, Fate.WATCHING, "60 minutes to go; round trips -0.5 ms"),
        (ms(-2, 1), None, 3600, Fate.PROMOTED, "no harm measured: round trips -0.5 ms [-2.0, +1.0]"),
        (ms(-2, 1), ms(-0.01, 0.03), 3600, Fate.WATCHING, "harm is not excluded yet"),
        (ms(-20, 9), None, 3600, Fate.WATCHING, "harm is not excluded yet"),
        (ms(1, 4), ms(0, 0.01, places=3), 3600, Fate.PROMOTED, "no harm measured"),
        (None, None, 9e9, Fate.WATCHING, "too little is measured: 0 places' worth inside"),
        (ms(-2, 1, 7), None, 3600, Fate.WATCHING, "7 places' worth inside the slice and 21 outside"),
    ],
)  # fmt: skip
def test_harm_is_acted_on_at_once_and_trust_takes_time(
    latency: Effect | None, lost: Effect | None, age: float, fate: Fate, reason: str
) -> None:
    """Rolled back on sure harm, promoted when harm is excluded, watched on otherwise."""
    got = judge(Measured(9, latency, lost), age, TOLERANCE)
    assert (got.fate, reason in got.reason) == (fate, True), got.reason


def test_what_decides_nothing_differently_needs_no_evidence() -> None:
    """It is promoted when its time is over."""
    nothing = Measured(0, None, None)
    assert judge(nothing, 3599, TOLERANCE).fate is Fate.WATCHING
    assert judge(nothing, 3600, TOLERANCE).fate is Fate.PROMOTED


def test_an_alarm_ends_it() -> None:
    """Whatever was measured."""
    got = judge(Measured(9, ms(-9, -5), None), 9e9, TOLERANCE, "a POP is overloaded")
    assert (got.fate, got.reason) == (Fate.ROLLED_BACK, "a POP is overloaded")


def test_a_verdict_is_json() -> None:
    """For the report and the audit trail."""
    told = json.loads(json.dumps(judge(Measured(9, ms(6, 20), None), 0, TOLERANCE).as_dict()))
    assert (told["fate"], told["latency"]["low"], told["unavailability"]) == ("rolled back", 6, None)
