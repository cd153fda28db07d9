from __future__ import annotations

import numpy as np

from itm.steer.ranks import put_first, put_second
from itm.steer.steps import NO_POP


def test_the_first_moves_to_the_front() -> None:
    """Or pushes the last candidate out; the order behind it stays."""
    lists = np.array([[1, 2, 0], [1, 2, 3], [1, NO_POP, NO_POP]], dtype=np.uint16)
    kept = put_first(lists, np.array([0, 0, 0], dtype=np.uint16))
    assert kept.tolist() == [[0, 1, 2], [0, 1, 2], [0, 1, NO_POP]]


def test_the_second_moves_behind_the_first() -> None:
    """One that is the first already changes nothing."""
    lists = np.array([[1, 2, 0], [1, 2, 3], [1, 2, 3], [1, NO_POP, NO_POP]], dtype=np.uint16)
    moved = put_second(lists, np.array([0, 0, 1, 0], dtype=np.uint16))
    assert moved.tolist() == [[1, 0, 2], [1, 0, 2], [1, 2, 3], [1, 0, NO_POP]]
