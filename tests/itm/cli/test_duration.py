"""Durations as people type them."""

from __future__ import annotations

import argparse

import pytest

from itm.cli.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("1.5h", 5400), ("30d", 2_592_000), ("1w", 604_800)],
)
def test_units(text: str, seconds: float) -> None:
    """Each unit counts in seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "0s", "-1h", "1h30m", "1 h", "nan"])
def test_what_is_no_duration(text: str) -> None:
    """A number without a unit is a guess, and refused."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a duration such as"):
        parse_duration(text)
