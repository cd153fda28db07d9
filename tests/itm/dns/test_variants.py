from __future__ import annotations

from itertools import combinations

import pytest

from itm.dns.variants import answered, subsets

ALL = tuple(f"192.0.2.{n}" for n in range(1, 7))


@pytest.mark.parametrize("count", range(7))
def test_whatever_is_up_is_signed(count: int) -> None:
    """Every combination of hosts that are up leads to a set that was signed, none of it down."""
    addresses = ALL[:count]
    signed = set(subsets(addresses))
    for size in range(1, count + 1):
        for up in combinations(addresses, size):
            given = answered(addresses, up)
            assert given in signed
            assert set(given) <= set(up)
    assert len(signed) == len(list(subsets(addresses))) <= 13


def test_one_dead_host_costs_one_address() -> None:
    """Of many addresses all the others stay; with two gone a single one is left."""
    assert answered(ALL, ALL) == ALL
    assert answered(ALL, ALL[1:]) == ALL[1:]
    assert answered(ALL, ALL[2:]) == ALL[2:3]
    assert answered(ALL[:3], ALL[2:3]) == ALL[2:3]
