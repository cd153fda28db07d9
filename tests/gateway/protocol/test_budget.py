"""The memory that streams share."""

from __future__ import annotations

from gateway.protocol.budget import CEILING, FLOOR, START, Budget


def test_the_ceiling_falls_as_the_budget_fills() -> None:
    """16 MiB, 4 MiB, 1 MiB, floor."""
    budget = Budget(8 * START)
    seen = []
    for _ in range(9):
        seen.append(budget.ceiling)
        budget.resize(FLOOR, FLOOR + START)
    assert seen == [CEILING] * 5 + [CEILING // 4] * 2 + [START] + [FLOOR]


def test_a_loan_is_what_is_left_and_comes_back() -> None:
    """Never below the floor, never beyond the total."""
    budget = Budget(START)
    first = budget.resize(FLOOR, FLOOR + START // 2)
    second = budget.resize(FLOOR, CEILING)
    assert (first, second) == (FLOOR + START // 2,) * 2
    assert budget.lent_bytes == START
    assert budget.resize(FLOOR, CEILING) == FLOOR
    assert budget.resize(first, 0) == FLOOR
    assert budget.resize(second, FLOOR) == FLOOR
    assert budget.lent_bytes == 0
