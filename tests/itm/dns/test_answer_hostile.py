"""Hostile packets by the hundred thousand; `python -m bench.dns.hostile` sends ten million."""

from __future__ import annotations

import pytest

from bench.dns.hostile import shard

pytestmark = pytest.mark.long

MOST_GROWTH = 1.1
"""After the first fifth of so few packets the caches are still filling."""


def test_nothing_breaks_and_nothing_grows() -> None:
    """Every header is right, one reply in 500 is read whole, and the process stays as large as it was."""
    told = shard(7, 400_000)
    assert told["replies"] > 50_000
    assert told["size_kb"]["most_after"] <= told["size_kb"]["warm"] * MOST_GROWTH
