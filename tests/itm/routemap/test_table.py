from __future__ import annotations

import numpy as np
import pytest

from itm.routemap.table import PrefixTable, UnitTable, merge, scope
from tests.itm.routemap.worlds import random_table


@pytest.mark.parametrize(
    ("unit", "start", "end", "length"),
    [
        (0, 0, 1 << 24, 0),
        (0x850B00, 0, 1 << 24, 0),
        (0x850B00, 0x850B00, 0x850B01, 24),
        (0x850B07, 0x850B00, 0x850C00, 16),
        (0x850B07, 0x850A00, 0x850C00, 15),
        (0x850B07, 0x850B01, 0x850C00, 22),  # 0x850B04..07 lies inside, 0x850B00 does not
        (0xFFFFFF, 0xFFFF00, 1 << 24, 16),
        (1, 0, 2, 23),
    ],
)
def test_scope_is_the_shortest_block_inside_the_run(unit: int, start: int, end: int, length: int) -> None:
    """The scope is the largest aligned block around the unit that stays in [start, end)."""
    assert scope(24, unit, start, end) == length


@pytest.mark.parametrize("bits", [24, 48])
def test_scope_agrees_with_its_definition(bits: int) -> None:
    """On random tables every scope lies in its run, and the next shorter prefix does not."""
    rng = np.random.default_rng(1)
    table = random_table(rng, bits, 200, 5)
    near = np.concatenate([table.start, table.start[1:] - table.start.dtype.type(1)])
    for unit in [*near.tolist(), *rng.integers(0, 1 << bits, 200).tolist()]:
        leaf, length = table.lookup(unit)
        run = int(np.searchsorted(table.start, table.start.dtype.type(unit), side="right")) - 1
        start = int(table.start[run])
        end = int(table.start[run + 1]) if run + 1 < len(table.start) else 1 << bits
        assert leaf == table.leaf[run]
        assert _inside(bits, unit, length, start, end)
        assert length == 0 or not _inside(bits, unit, length - 1, start, end)


def _inside(bits: int, unit: int, length: int, start: int, end: int) -> bool:
    size = 1 << (bits - length)
    first = unit // size * size
    return start <= first and first + size <= end


def test_merge_joins_equal_neighbours() -> None:
    """Neighbouring runs of one leaf become one run."""
    table = merge(24, np.array([0, 5, 9, 12]), np.array([1, 1, 2, 2]))
    assert table.start.tolist() == [0, 9]
    assert table.leaf.tolist() == [1, 2]
    assert table.leaves_of(np.array([0, 8, 9, 1 << 23])).tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("start", "leaf"),
    [([], []), ([1], [0]), ([0, 5, 5], [0, 1, 0]), ([0, 1 << 24], [0, 1]), ([0, 4], [0, 2]), ([0], [0, 1])],
)
def test_unsound_tables_are_named(start: list[int], leaf: list[int]) -> None:
    """A table that would answer wrongly has problems."""
    assert PrefixTable(24, np.array(start, "<u4"), np.array(leaf, "<u4")).problems(2)


def test_single_units() -> None:
    """A unit that stands in the table has its leaf, every other none."""
    table = UnitTable(24, np.array([0, 7, (1 << 24) - 1], "<u4"), np.array([1, 0, 2], "<u4"))
    assert [table.lookup(unit) for unit in (0, 1, 7, 8, (1 << 24) - 1)] == [1, None, 0, None, 2]
    assert UnitTable.nothing(48).lookup(5) is None
    assert table.problems(3) == []
    assert UnitTable.nothing(24).problems(0) == []


@pytest.mark.parametrize(
    ("unit", "leaf"), [([1], []), ([5, 5], [0, 1]), ([5, 4], [0, 1]), ([1 << 24], [0]), ([4], [2])]
)
def test_unsound_units_are_named(unit: list[int], leaf: list[int]) -> None:
    """A table that would answer wrongly has problems."""
    assert UnitTable(24, np.array(unit, "<u4"), np.array(leaf, "<u4")).problems(2)


@pytest.mark.parametrize("bits", [24, 48])
def test_scopes_are_counted_by_their_definition(bits: int) -> None:
    """As many as walking from scope to scope meets, on random tables."""
    for seed in range(20):
        table = random_table(np.random.default_rng(seed), bits, 12, 3)
        count, unit = 0, 0
        while unit < 1 << bits:
            unit += 1 << (bits - table.lookup(unit)[1])
            count += 1
        assert table.scopes() == count
