from __future__ import annotations

import numpy as np
import pytest

from itm.routemap.routemap import ServiceAnswer
from itm.simulate.caches import NAIVE_GROWTH, Clients, compare, let_through, scope_starts, ttls_of
from tests.itm.routemap.worlds import random_class

SERVICE = ServiceAnswer("gw.example.net.", 0, 20, ttl_most=300)


def clients(seed: int, count: int = 3000) -> Clients:
    """Networks of twenty resolvers, crowded into a sixteenth of the space."""
    rng = np.random.default_rng(seed)
    unit = np.unique(rng.integers(1 << 20, 1 << 21, count))
    demand = np.exp(rng.normal(0, 1.5, len(unit)))
    return Clients(unit, rng.integers(0, 20, len(unit)), demand / demand.sum())


@pytest.mark.parametrize("seed", range(3))
def test_scopes_are_those_that_the_map_answers_with(seed: int) -> None:
    """The whole scope of every network, at once."""
    one = random_class(seed, runs=2000)
    unit = np.random.default_rng(seed).integers(0, 1 << 24, 500)
    for at, start in zip(unit.tolist(), scope_starts(one.v4, unit).tolist(), strict=True):
        length = one.v4.lookup(at)[1]
        assert start == at >> (24 - length) << (24 - length)


def test_the_mean_is_what_a_cache_lets_through() -> None:
    """Against a cache that is asked at random: a query goes through when the answer before it is too old."""
    rng, ttl, rate = np.random.default_rng(1), 20.0, 0.3
    popularity = 1 / np.arange(1, 1001)
    share = 1 / (popularity / popularity.sum())[0]  # the first name is then asked at `rate`
    arrivals = np.cumsum(rng.exponential(1 / rate, 400_000))
    through, until = 0, 0.0
    for at in arrivals.tolist():
        if at >= until:
            through, until = through + 1, at + ttl
    first = let_through(np.array([1.0]), ttl, rate * share) - _without_first(rate * share, ttl)
    assert through / arrivals[-1] == pytest.approx(first, rel=0.02)


def _without_first(queries: float, ttl: float) -> float:
    rank = np.arange(1, 1001)
    popularity = 1 / rank / (1 / rank).sum()
    rate = queries * popularity[1:]
    exact = float((rate / (1 + rate * ttl)).sum())
    # What grouping names of about the same popularity leaves is far below a percent.
    whole = let_through(np.array([1.0]), ttl, queries)
    first = queries * popularity[0] / (1 + queries * popularity[0] * ttl)
    assert whole == pytest.approx(exact + first, rel=0.01)
    return whole - first


def test_coarser_scopes_and_longer_ttls_cost_fewer_queries() -> None:
    """The naive way grows them eightfold, by definition; each further step spares some."""
    some = clients(3)
    fine, coarse = random_class(4, runs=200_000), random_class(4, runs=300)
    none, lost = np.zeros(len(some.unit)), np.full(len(some.unit), 0.5)
    lines = compare(some, {"fine": (fine, none), "coarse": (coarse, lost)}, SERVICE)
    naive, *rest = lines
    assert naive.growth == pytest.approx(NAIVE_GROWTH, rel=1e-3)
    by_name = {one.name: one for one in rest}
    assert naive.growth > by_name["fine"].growth > by_name["coarse"].growth
    assert by_name["coarse"].growth > by_name["coarse, TTLs by certainty"].growth
    assert naive.scopes > by_name["fine"].scopes > by_name["coarse"].scopes
    assert by_name["coarse"].lost_ms == pytest.approx(0.5)
    assert set(ttls_of(fine, SERVICE, some.unit).tolist()) <= set(SERVICE.ttls)
