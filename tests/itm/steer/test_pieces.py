"""Both maps and the rows beneath them cut the address space; every piece knows what it got and gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itm.routemap.routemap import NO_POP, ClassMap
from itm.routemap.table import PrefixTable
from itm.steer.pieces import first_pops, loads_of, pieces_of
from itm.steer.rows import Rows, Segments


def table(*runs: tuple[int, int], leaves: list[list[int]] | None = None) -> ClassMap:
    """A class map of IPv4 runs (first unit, leaf); IPv6 is all leaf 0. Leaf n is POP n alone."""
    start, leaf = zip(*runs, strict=True)
    return ClassMap(
        leaves=np.array(leaves or [[0], [1], [2]], dtype=np.uint16),
        leaf_tail=np.zeros(len(leaves or range(3)), dtype=np.uint16),
        tails=(np.array([2], dtype=np.uint16),),
        v4=PrefixTable(24, np.array(start, dtype=np.uint32), np.array(leaf, dtype=np.uint32)),
        v6=PrefixTable(48, np.zeros(1, np.uint64), np.zeros(1, np.uint32)),
    )


def two_rows(cut: int) -> Rows:
    """Row 0 reaches up to `cut` in IPv4; row 1 from there, and it has all of IPv6."""
    own = {4: Segments(np.array([0, cut], np.uint64), np.array([0, 1], np.uint32))}
    own[6] = Segments(np.zeros(1, np.uint64), np.ones(1, np.uint32))
    two = np.zeros(2, dtype=np.uint32)
    return Rows(two, two.astype(np.uint8), two.astype(np.intp) - 1, two.astype(np.int32) - 1, own)


WEIGHT = np.array([10, 30], dtype=np.float32)


def test_demand_follows_the_24s_of_a_row() -> None:
    """A quarter of row 0 flips: a quarter of what it weighs; IPv6 of a row with IPv4 weighs nothing."""
    got = pieces_of(table((0, 0), (192, 1)), table((0, 0)), (0, 1, 2), two_rows(256), WEIGHT)
    demand = got.flows.demand
    assert demand[got.flipped & (got.row == 0)].sum() == 2.5
    assert demand.sum() == 40
    assert demand[got.family == 6].sum() == 0


def test_flips_are_counted_in_units_and_prefixes() -> None:
    """192 up to 320 is 192.0/26 of units and one half as large; a row's border within parts nothing."""
    old, new = table((0, 0), (192, 1), (320, 0)), table((0, 0))
    got = pieces_of(old, new, (0, 1, 2), two_rows(200), WEIGHT)
    assert (got.units(4), got.units(6), got.prefixes()) == (128, 0, 2)


def test_pops_keep_their_names_across_maps() -> None:
    """What was POP 0 is POP 1 now: nothing flipped."""
    got = pieces_of(table((0, 0)), table((0, 1)), (1, 0, 2), two_rows(9), WEIGHT)
    assert got.flipped[got.family == 4].tolist() == [False, False]


def test_a_list_begins_with_its_tail_where_it_has_no_ranks() -> None:
    """An empty rank falls back on the rule's tail; without that there is nobody."""
    leaves = [[NO_POP], [1]]
    one = table((0, 0), leaves=leaves)
    assert first_pops(one).tolist() == [2, 1]
    none = ClassMap(one.leaves, one.leaf_tail, (np.zeros(0, np.uint16),), one.v4, one.v6)
    assert first_pops(none).tolist() == [NO_POP, 1]


def test_shares_part_the_demand_of_a_piece() -> None:
    """What was all POP 0's is spread 155 to 100 over 0 and 1: 100 of 255 moved, no more."""
    old = table((0, 0))
    shares = np.array([[155, 100], [0, 0], [0, 0]], dtype=np.uint8)
    new = replace(table((0, 0), (256, 1), leaves=[[0, 1], [0, NO_POP], [2, NO_POP]]), shares=shares)
    flows = pieces_of(old, new, (0, 1, 2), two_rows(256), WEIGHT).flows
    assert flows.demand.sum() == pytest.approx(40)
    assert flows.demand[flows.moved].sum() == pytest.approx(10 * 100 / 255)
    before, after = loads_of(flows, 3)
    assert before.tolist() == [40, 0, 0]
    assert after == pytest.approx([40 - 10 * 100 / 255, 10 * 100 / 255, 0])


def test_what_can_stay_stays_when_shares_change() -> None:
    """From halves over 0 and 1 to halves over 1 and 2: half moves, from 0 to 2."""
    half = np.array([[128, 127], [128, 127]], dtype=np.uint8)
    maps = (replace(table((0, n), leaves=[[0, 1], [1, 2]]), shares=half) for n in (0, 1))
    flows = pieces_of(*maps, (0, 1, 2), two_rows(256), WEIGHT).flows
    moved = {
        (int(a), int(b)) for a, b in zip(flows.before[flows.moved], flows.after[flows.moved], strict=True)
    }
    assert (0, 2) in moved
    assert flows.demand[flows.moved].sum() == pytest.approx(20, rel=0.01)
