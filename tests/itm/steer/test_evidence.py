from __future__ import annotations

import numpy as np
import pytest

from itm.steer.evidence import Evidence
from tests.itm.steer.worlds import JAPAN, P50, cells

POPS = tuple(P50)


@pytest.mark.parametrize(
    ("of_tokyo", "of_osaka", "expected"),
    [((9, 5), (9, 3), [9, 9]), ((9, 5), (9, 2), [9, 0]), ((9, 4), (9, 4), []), ((2, 5), (9, 5), [0, 9])],
)
def test_who_must_have_measured(
    of_tokyo: tuple[int, int], of_osaka: tuple[int, int], expected: list[int]
) -> None:
    """A row needs five clients in all, each POP in it three of them and three samples."""
    rows = [(JAPAN, "network", "tokyo", 9.0, *of_tokyo), (JAPAN, "network", "osaka", 9.0, *of_osaka)]
    own = Evidence.of(cells(*rows), POPS).rungs["network"].measured.n
    assert own[:, :2].ravel().tolist() == expected


def test_unknown_pops_are_left_out() -> None:
    """Cells of POPs that the catalog no longer has are not laid out."""
    evidence = Evidence.of(cells((JAPAN, "network", "gone", 9.0, 9, 6)), POPS)
    assert len(evidence.rungs["network"].key) == 0


def test_keys_without_evidence_have_no_row() -> None:
    """A key that is not there is -1, also in an empty rung."""
    evidence = Evidence.of(cells((JAPAN, "network", "tokyo", 9.0, 9, 6)), POPS)
    own = evidence.rungs["network"]
    assert own.rows(np.array([own.key[0], own.key[0] + np.uint64(1)])).tolist() == [0, -1]
    assert evidence.rungs["place"].rows(np.array([1], dtype=np.uint64)).tolist() == [-1]
