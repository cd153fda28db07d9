from __future__ import annotations

import numpy as np

from collectors.cells import Cells
from collectors.distinct import K
from collectors.gather import KEEP_HALF_LIVES, Gathered, gather
from collectors.histogram import bin_of
from tests.collectors.observed import DAY, HOUR, NOON, observed, rungs

HALF_LIFE = 12 * HOUR


def gathered(records: np.ndarray, **options: object) -> Gathered:
    return gather(records, rungs(records), NOON, HALF_LIFE, **options)  # type: ignore[arg-type]


def bins(cells: Cells, rung: int) -> dict[int, float]:
    """Return weight by bin of the one cell of a rung."""
    row = cells.rung.tolist().index(rung)
    first = int(cells.used[:row].sum())
    chosen = slice(first, first + int(cells.used[row]))
    return dict(zip(cells.bin[chosen].tolist(), cells.weight[chosen].tolist(), strict=True))


def test_one_cell_per_known_rung_with_what_its_records_say() -> None:
    """Six rungs of seven are known; each has the bins of all records, weighed by their age."""
    found = gathered(observed([20, 20, 90], time=[NOON, NOON - HALF_LIFE, NOON]))
    assert sorted(found.values.rung.tolist()) == [0, 1, 2, 4, 5, 6]
    low, high = bin_of(np.array([20, 90])).tolist()
    assert bins(found.values, 0) == bins(found.values, 6) == {low: 1.5, high: 1.0}
    assert (found.counted, found.late, found.at) == (3, 0, NOON)
    assert found.pops.tolist() == [b"pop-a"]


def test_what_speaks_for_its_network_alone_reaches_no_other_rung() -> None:
    """Marked records teach the finest rung, and not the world either."""
    found = gathered(observed([20, 90]), own_only=np.array([True, False]))
    assert sum(bins(found.values, 0).values()) == 2
    assert sum(bins(found.values, 6).values()) == 1


def test_outcomes_are_apart() -> None:
    """Availability has cells of its own: bin 0 failures, bin 1 successes."""
    found = gathered(observed([1, 0, 1], metric="availability"))
    assert len(found.values) == 0
    assert bins(found.outcomes, 0) == {0: 1.0, 1: 2.0}


def test_what_is_late_is_counted_as_such() -> None:
    """Past keeping is not gathered."""
    found = gathered(observed([20, 30], time=[NOON - KEEP_HALF_LIVES * HALF_LIFE - 1, NOON]))
    assert (found.counted, found.late) == (1, 1)


def test_clients_of_two_days_are_apart() -> None:
    """The cell's newest day and the one before have their own hashes, the smallest of them at most."""
    records = observed(
        [10] * 60, client=range(1, 61), time=[NOON] * 40 + [NOON - DAY] * 19 + [NOON - 1.9 * DAY]
    )
    cells = gathered(records).values
    row = cells.rung.tolist().index(0)
    assert cells.today_used[row] == cells.yesterday_used[row] == K
    assert cells.day[row] == NOON // DAY


def test_whoever_is_known_speaks_for_the_network_before_who_is_not() -> None:
    """A feed that names a network has its say on wider rungs only where none of its clients measured."""

    def votes(records: np.ndarray) -> list[int]:
        cells = gathered(records).values
        row = cells.rung.tolist().index(2)
        first = int(cells.today_used[:row].sum())
        return (cells.today[first : first + int(cells.today_used[row])] & 0xFF).tolist()

    for client in range(1, 9):
        alone = votes(observed([20.0], client=[client]))
        assert votes(observed([400.0, 20.0, 400.0], client=[0, client, 0])) == alone
    assert votes(observed([400.0], client=[0])) != alone


def test_only_what_clients_measured_is_news() -> None:
    """What a feed says of a network in nobody's name is not among its recent measurements."""
    assert len(gathered(observed([400.0], client=[0])).of_networks(NOON - HOUR).values) == 0
    assert len(gathered(observed([400.0], client=[1 << 24 | 7])).of_networks(NOON - HOUR).values) == 1
    assert len(gathered(observed([400.0], client=[1 << 24 | 7])).of_networks(NOON + 1).values) == 0


def test_nothing_is_nothing() -> None:
    """No records, no cells."""
    found = gathered(observed([]))
    assert (len(found.values), len(found.outcomes), found.counted) == (0, 0, 0)
