import math

import pytest

from collectors.histogram import MAX_VALUE, MIN_VALUE
from collectors.limits import LIMITS, complaint, number, number_or_text, shown
from collectors.measurement import METRICS


def test_every_metric_has_limits_in_order():
    """The guard looks limits up by the metric's index."""
    assert tuple(LIMITS) == METRICS


def test_limits_fit_the_windows_bins():
    """What is let in falls into a bin of its own size, not into the first or last by force."""
    assert all(low >= MIN_VALUE and high <= MAX_VALUE for low, high in list(LIMITS.values())[1:])


@pytest.mark.parametrize(
    ("metric", "value", "is_good"),
    [
        ("availability", 0, True),
        ("availability", 1, True),
        ("availability", 0.5, False),
        ("rtt_ms", 0.1, True),
        ("rtt_ms", 0.09, False),
        ("rtt_ms", 60_000, True),
        ("rtt_ms", 60_001, False),
        ("connect_ms", -1, False),
        ("rtt_ms", math.nan, False),
        ("throughput_kbps", math.inf, False),
    ],
)
def test_values_are_held_to_the_limits(metric: str, value: float, is_good: bool):
    """Nothing is wrong within the limits; outside, the reason names metric and value."""
    text = complaint(metric, value)
    assert (text == "") is is_good
    assert is_good or (metric in text and f"{value:g}" in text)


def test_numbers_are_numbers():
    """Truth values, texts, infinities and integers beyond any float are none."""
    assert (number(3), number(2.5)) == (3.0, 2.5)
    assert [number(v) for v in (True, "3", None, math.nan, math.inf, 10**400, [])] == [None] * 7


def test_reasons_show_little_and_in_ascii():
    """What a stranger sent cannot fill or break a log line."""
    assert shown("ä\n") == r"'\xe4\n'"
    assert len(shown("x" * 10_000)) == 40


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("12.5", 12.5),
        (" 7 ", 7.0),
        (3, 3.0),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (True, None),
    ],
)
def test_numbers_as_text(given: object, expected: float | None) -> None:
    """A CSV cell is a text; Python's own spellings of numbers are not everybody's."""
    assert number_or_text(given) == expected


@pytest.mark.parametrize(
    "value",
    [
        "192.0.2.1",
        "x192.0.2.1x",
        ["192.0.2.1"],
        {"a": "2001:db8::1"},
        "2001:db8:1:2:3:4:5:6",
        "::ffff:192.0.2.1",
    ],
)
def test_an_address_is_not_shown(value: object) -> None:
    """In whatever it is hidden: a refusal's text may be logged by who reads it."""
    assert shown(value) == "'(an address)'"
    assert shown("2023-11-15T11:59:00") == "'2023-11-15T11:59:00'"
