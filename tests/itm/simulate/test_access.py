from __future__ import annotations

import numpy as np
import pytest

from itm.simulate.access import LOSS, SHARE, SPREAD_MS, Access, access_of


@pytest.mark.parametrize("kind", SPREAD_MS)
def test_the_noise_has_the_measured_spread(kind: str) -> None:
    """p90 - p10 of the excess is the recorded spread of the access type, and nothing is below the truth."""
    rng = np.random.default_rng(1)
    access = Access(kind, SPREAD_MS[kind] / np.log(9))
    seen = [value for _ in range(20_000) if (value := access.observe(50.0, rng)) is not None]
    p10, p90 = np.percentile(seen, [10, 90])
    assert p90 - p10 == pytest.approx(SPREAD_MS[kind], rel=0.05)
    assert min(seen) >= 50


def test_some_fetches_fail() -> None:
    """The recorded share of fetches is lost: a failure, never a large value."""
    rng = np.random.default_rng(2)
    access = Access("home", 1.0)
    lost = sum(access.observe(50.0, rng) is None for _ in range(20_000))
    assert lost / 20_000 == pytest.approx(LOSS, rel=0.15)


def test_the_mix_is_whole() -> None:
    """Shares add up to one, and every kind is drawn."""
    rng = np.random.default_rng(3)
    assert sum(SHARE.values()) == pytest.approx(1)
    assert {access_of(rng).kind for _ in range(1_000)} == set(SHARE)
