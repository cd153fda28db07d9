from __future__ import annotations

import pytest

from itm.catalog.types import UNTUNED, Tuning
from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import Running, allowed, available
from itm.steer.steps.available import MIN_SAMPLES
from tests.itm.steer.facts import Facts, facts

NAN = float("nan")
THRESHOLD = UNTUNED.threshold


def run(f: Facts) -> Running:
    return available(allowed(Running.start(f), f), f)


@pytest.mark.parametrize(
    ("share", "n", "demoted"),
    [
        (THRESHOLD - 0.01, MIN_SAMPLES, True),
        (THRESHOLD + 0.01, MIN_SAMPLES, False),
        (0.0, MIN_SAMPLES - 0.5, False),
        (NAN, 0.0, False),
    ],
)
def test_who_is_demoted(share: float, n: float, demoted: bool) -> None:
    """Below the threshold, by enough fetches; what nobody fetched counts as reachable."""
    f = facts([1, 2], availability=[[share, 1.0]], availability_n=[[n, 100.0]])
    assert run(f).best().tolist() == [1 if demoted else 0]


def test_the_unreachable_stand_behind_every_pool_but_are_not_out() -> None:
    """A bad POP of the first pool is worse than a good one of the last, and better than no answer."""
    f = facts(
        [1, 2, 3, 4],
        tiers=[[0, 1, 2, NOT_ALLOWED]],
        availability=[[0.1, 1, 1, 0.1]],
        availability_n=[[50, 50, 50, 50]],
    )
    got = run(f)
    assert got.ranking().tolist() == [[1, 2, 0, 3]]
    assert got.is_out().tolist() == [[False, False, False, True]]


def test_when_all_are_bad_the_order_of_pools_remains() -> None:
    """Demotion is relative: nobody gains by everyone's failing."""
    f = facts([1, 2], tiers=[[1, 0]], availability=[[0, 0]], availability_n=[[50, 50]])
    assert run(f).ranking().tolist() == [[1, 0]]


def test_a_service_may_ask_for_more_and_by_more_fetches() -> None:
    """90 % is enough by default, not for a service that wants 95; 30 fetches are too few for its 50."""
    strict = Tuning(threshold=0.95, samples=50)
    few, many = ({"availability": [[0.9, 1.0]], "availability_n": [[n, 100.0]]} for n in (30, 60))
    assert run(facts([1, 2], **many)).best().tolist() == [0]  # type: ignore[arg-type]
    assert run(facts([1, 2], tuning=strict, **few)).best().tolist() == [0]  # type: ignore[arg-type]
    assert run(facts([1, 2], tuning=strict, **many)).best().tolist() == [1]  # type: ignore[arg-type]
