from __future__ import annotations

import numpy as np

from itm.steer.outcome import Change, Outcome


def keys(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(numbers, dtype=np.uint64)


def test_only_touched_rows_are_kept_and_found_again() -> None:
    """Sorted by key, over all parts; a row that nothing was said of has no change."""
    one, two = Change.nothing(2, 2), Change.nothing(2, 2)
    one.add_ms[1, 0] = 5
    two.drop[0, 1] = True
    outcome = Outcome.joined("own:x", [(keys(7, 9), one), (keys(3, 4), two)], 2)
    assert outcome.key.tolist() == [3, 9]
    found = outcome.of(keys(9, 4, 3))
    assert found.add_ms.tolist() == [[5, 0], [0, 0], [0, 0]]
    assert found.drop.tolist() == [[False, False], [False, False], [False, True]]


def test_no_rows_and_no_parts() -> None:
    """A step that failed, and one that was asked about nothing, change nothing."""
    for outcome in (Outcome.failed("own:x", "died", 3), Outcome.joined("own:x", [], 3)):
        assert not outcome.of(keys(1, 2)).add_ms.any()
        assert outcome.of(keys(1, 2)).drop.shape == (2, 3)
    assert Outcome.failed("own:x", "died", 3).fault == "died"
