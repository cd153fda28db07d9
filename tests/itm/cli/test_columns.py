"""Aligned columns."""

from __future__ import annotations

from itm.cli.columns import columns, show_time


def test_columns_align() -> None:
    """Each column is as wide as its longest text; an empty cell is a dash; no blanks at line ends."""
    assert columns(("pop", "state"), [("a", "up"), ("bbbb", "")]) == "POP   STATE\na     up\nbbbb  -"


def test_times() -> None:
    """Times are UTC to the second; none is empty."""
    assert show_time(1_700_000_000.9) == "2023-11-14 22:13:20Z"
    assert show_time(None) == ""
