from __future__ import annotations

import numpy as np
import numpy.typing as npt

from itm.steer.memory import Memory
from itm.steer.steps import GONE_POP, NO_POP

POPS = ("a", "b", "c")


def keys(*numbers: int) -> npt.NDArray[np.uint64]:
    return np.array(numbers, dtype=np.uint64)


def pops(*numbers: int) -> npt.NDArray[np.uint16]:
    return np.array(numbers, dtype=np.uint16)


def rows(*parents: int) -> npt.NDArray[np.intp]:
    return np.array(parents, dtype=np.intp)


def memory() -> Memory:
    return Memory.of(POPS, keys(30, 10, 20), pops(2, 0, 1), pops(2, 1, NO_POP))


def test_rows_are_kept_by_key_whatever_their_order() -> None:
    """Keys are sorted; a challenger that is the served POP is none."""
    got = memory()
    assert got.key.tolist() == [10, 20, 30]
    assert got.served.tolist() == [0, 1, 2]
    assert got.challenger.tolist() == [1, NO_POP, NO_POP]


def test_pops_are_recalled_by_id() -> None:
    """Another order changes indices; a POP that is gone was served all the same, and challenges nobody."""
    served, challenger = memory().recall(("c", "b"), keys(10, 20, 30), rows(-1, -1, -1))
    assert served.tolist() == [GONE_POP, 1, 0]
    assert challenger.tolist() == [1, NO_POP, NO_POP]
    _, challenger = memory().recall(("a", "c"), keys(10), rows(-1))
    assert challenger.tolist() == [NO_POP]


def test_an_unknown_row_has_its_parent_s_pop_but_no_challenger() -> None:
    """What its clients get until it decides for itself; without a parent that is nothing."""
    served, challenger = memory().recall(POPS, keys(10, 99, 98), rows(-1, 0, -1))
    assert served.tolist() == [0, 0, NO_POP]
    assert challenger.tolist() == [1, NO_POP, NO_POP]


def test_a_new_row_below_a_new_row_has_the_pop_of_the_known_one_above() -> None:
    """Place, routing prefix, network: in whatever order the rows stand."""
    served, _ = memory().recall(POPS, keys(20, 98, 99), rows(-1, 2, 0))
    assert served.tolist() == [1, 1, 1]


def test_a_known_row_does_not_look_at_its_parent() -> None:
    """A network that moved away from its place stays where it is."""
    served, _ = memory().recall(POPS, keys(10, 30), rows(-1, 0))
    assert served.tolist() == [0, 2]


def test_no_memory_recalls_nothing() -> None:
    """The first start."""
    served, challenger = Memory.nothing().recall(POPS, keys(10, 20), rows(-1, 0))
    assert served.tolist() == challenger.tolist() == [NO_POP, NO_POP]
