from collectors.rum.planned import PlannedProbes
from tests.collectors.observed import NOON


def test_what_was_planned_counts_for_each_key():
    """A network and its place at once; nothing else."""
    planned = PlannedProbes(60)
    planned.add((1, ~7), ("fra", "nyc"), NOON)
    planned.add((2, ~7), ("fra",), NOON + 1)
    assert [planned.count(key, "fra") for key in (1, 2, ~7, 3)] == [1, 1, 2, 0]
    assert planned.count(~7, "nyc") == 1


def test_it_is_forgotten_in_two_steps():
    """After one generation it still counts, after two it does not: by then a table knows, or nothing came."""
    planned = PlannedProbes(60)
    planned.add((1,), ("fra",), NOON)
    planned.add((2,), ("fra",), NOON + 60)
    assert planned.count(1, "fra") == 1
    planned.add((2,), ("fra",), NOON + 120)
    assert (planned.count(1, "fra"), planned.count(2, "fra")) == (0, 2)
    planned.add((3,), ("fra",), NOON + 10_000)
    assert (planned.count(2, "fra"), planned.count(3, "fra")) == (0, 1)


def test_memory_is_bounded():
    """A flood of networks makes generations shorter, not larger."""
    planned = PlannedProbes(60, most_cells=100)
    for number in range(10_000):
        planned.add((number,), ("fra", "nyc", "sin"), NOON)
        assert len(planned) <= 2 * 102


def test_a_clock_that_is_set_back_begins_anew():
    """Nothing is counted for ever."""
    planned = PlannedProbes(60)
    planned.add((1,), ("fra",), NOON)
    planned.add((2,), ("fra",), NOON - 1000)
    assert (planned.count(1, "fra"), planned.count(2, "fra")) == (0, 1)
