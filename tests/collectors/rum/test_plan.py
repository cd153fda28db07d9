import random
from collections import Counter

import numpy as np
import pytest

from collectors.rum.plan import TOP, choose_session

PREDICTED = np.array([30.0, 10.0, 12.0, 14.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 180.0, 11.0])
SPREAD = np.full(len(PREDICTED), 5.0)


def drawn(rounds: int = 2000, **changes: object) -> Counter[int]:
    """Return how often each POP was drawn beside current and best."""
    rng = random.Random(1)
    plan = {"current": 0, "best": 1, "predicted_ms": PREDICTED, "spread_ms": SPREAD} | changes
    return Counter(pop for _ in range(rounds) for pop in choose_session(**plan, rng=rng)[2:])


def test_current_and_best_come_first():
    """Four different POPs: the one in use, the predicted best, two more."""
    plan = choose_session(0, 1, PREDICTED, SPREAD, random.Random(1))
    assert plan[:2] == (0, 1)
    assert len(set(plan)) == 4


def test_only_the_ten_closest_are_drawn():
    """All of them are, in time; none beyond."""
    tenth = np.sort(PREDICTED)[TOP - 1]
    assert set(drawn()) == {pop for pop, ms in enumerate(PREDICTED) if ms <= tenth} - {0, 1}


def test_near_and_uncertain_are_drawn_more_often():
    """A close candidate beats a far one, and an uncertain one beats a sure one at the same distance."""
    assert drawn()[12] > drawn()[3] > 2 * drawn()[6]
    spread = SPREAD.copy()
    spread[6] = 200.0
    assert drawn(spread_ms=spread)[6] > 3 * drawn()[6]


def test_one_pop_may_be_both_or_neither():
    """A current POP that is the best, or no current POP, leaves room for more drawing."""
    for current, best in ((1, 1), (-1, 1), (1, -1)):
        plan = choose_session(current, best, PREDICTED, SPREAD, random.Random(2))
        assert plan[0] == 1
        assert len(set(plan)) == 4
    assert len(set(choose_session(-1, -1, PREDICTED, SPREAD, random.Random(2)))) == 4


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_worlds_have_small_plans(size: int):
    """With fewer POPs than probes each is measured once."""
    assert sorted(choose_session(0, 0, PREDICTED[:size], SPREAD[:size], random.Random(3))) == list(
        range(size)
    )


def test_an_unknown_place_explores_everything():
    """Without any prediction all POPs are alike; POPs without one come after those with one."""
    nothing = np.full(13, np.nan)
    assert len(drawn(predicted_ms=nothing, spread_ms=nothing)) == 11
    half = PREDICTED.copy()
    half[2:] = np.nan
    half[2:6] = 12.0
    counts = drawn(predicted_ms=half)
    assert sum(counts[pop] for pop in range(2, 6)) > 5 * sum(counts[pop] for pop in range(6, 13))


def test_the_same_seed_gives_the_same_plan():
    """Randomness is the caller's: numpy's generator will do as well."""
    for make in (lambda: random.Random(5), lambda: np.random.default_rng(5)):
        plans = {choose_session(0, 1, PREDICTED, SPREAD, make()) for _ in range(3)}
        assert len(plans) == 1


def test_count_bounds_the_plan():
    """Current and best are cut too when there is room for one only."""
    assert choose_session(0, 1, PREDICTED, SPREAD, random.Random(1), count=1) == (0,)
    assert len(choose_session(0, 1, PREDICTED, SPREAD, random.Random(1), count=6)) == 6
