"""Numbers over demand: quantiles of latency, the largest prefix of a range."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest

from itm.steer.difference import _prefix, latency


def test_latencies_are_weighed_by_demand() -> None:
    """Nine tenths at 10 ms: p50 and p90 are there, p99 is the tenth; what is not known is left out."""
    got = latency(np.array([100.0, 10.0, np.nan]), np.array([1.0, 9.0, 90.0]))
    assert got == {"mean": pytest.approx(19), "p50": 10, "p90": 10, "p99": 100}


def test_without_demand_there_is_no_latency() -> None:
    """Nor where no price is known."""
    assert latency(np.array([1.0, np.nan]), np.array([0.0, 5.0])) == {}


@pytest.mark.parametrize("seed", range(30))
def test_a_range_is_told_by_its_largest_prefix(seed: int) -> None:
    """No aligned block that fits into the range is larger."""
    rng = np.random.default_rng(seed)
    first, end = sorted(rng.choice(300, 2, replace=False).tolist())
    whole = list(ipaddress.summarize_address_range(
        ipaddress.IPv4Address(first << 8), ipaddress.IPv4Address((end << 8) - 1)
    ))  # fmt: skip
    told = ipaddress.ip_network(_prefix(4, first, end))
    assert told in whole
    assert told.prefixlen == min(block.prefixlen for block in whole)


def test_the_whole_family_is_a_prefix() -> None:
    """From the first unit to the last."""
    assert _prefix(4, 0, 1 << 24) == "0.0.0.0/0"
    assert _prefix(6, 0, 1 << 48) == "::/0"
