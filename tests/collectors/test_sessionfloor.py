import numpy as np
import pytest

from collectors.sessionfloor import RISE, SessionFloors

DAY = 19_000


def heard(floors: SessionFloors, names: list[int], values: list[float], day: int = DAY) -> SessionFloors:
    return floors.heard(np.array(names, np.uint64), np.array(values), np.full(len(names), day, np.int32))


def of(floors: SessionFloors, *names: int, least: int = 1) -> list[float]:
    return floors.of(np.array(names, np.uint64), least).tolist()


def test_the_least_is_remembered_and_rises() -> None:
    """A shorter session counts at once; longer ones raise the floor by half a percent each."""
    floors = heard(SessionFloors.empty(), [7, 9, 7], [40, 90, 30])
    assert of(floors, 7, 9, 8) == [30, 90, 0]
    floors = heard(floors, [7] * 10, [80] * 10)
    assert of(floors, 7, 9) == [pytest.approx(30 * RISE**10), 90]
    assert of(heard(floors, [7], [20]), 7) == [20]
    assert of(heard(floors, [7] * 2000, [80] * 2000), 7) == [80]


def test_few_sessions_say_nothing() -> None:
    """A floor holds from so many sessions on as the caller wants."""
    floors = heard(SessionFloors.empty(), [7] * 4, [30] * 4)
    assert of(floors, 7, least=5) == [0]
    assert of(heard(floors, [7], [50]), 7, least=5) == [pytest.approx(30, rel=0.01)]
    assert of(SessionFloors.empty(), 7) == [0]
    assert of(heard(floors, [], []), 7) == [30]


def test_what_a_clock_ahead_has_seen_can_be_let_go() -> None:
    """Days after the given one go, the others stay."""
    floors = heard(heard(SessionFloors.empty(), [7], [30]), [8], [30], DAY + 300)
    assert floors.until(DAY + 300) is floors
    assert floors.until(DAY + 1).name.tolist() == [7]


def test_memory_is_bounded() -> None:
    """Old days go; of too many names those of the fewest sessions do."""
    floors = heard(SessionFloors.empty(), [1] * 9, [30] * 9)
    for first in range(100, 5100, 500):
        floors = heard(floors, list(range(first, first + 500)), [50] * 500).bounded(1000)
        assert len(floors.name) <= 1000
    assert of(floors, 1) == [30]
    floors = heard(floors, [2], [10], DAY + 3).bounded(1000)
    assert floors.name.tolist() == [2]
