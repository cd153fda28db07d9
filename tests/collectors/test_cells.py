from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from collectors.cells import COLUMNS, Cells, mix64
from collectors.errors import ArraysError
from collectors.gather import gather
from tests.collectors.observed import NOON, observed, rungs


def some() -> Cells:
    records = observed([10, 20, 20, 900], client=[1, 2, 3, 4], unit=[7, 7, 8, 8])
    return gather(records, rungs(records), NOON, 43_200).values


def test_columns_are_those_of_the_value() -> None:
    """The stored columns are the fields, in their order."""
    assert list(COLUMNS) == [field.name for field in fields(Cells)]


def test_arrays_and_back() -> None:
    """What was stored comes back as it was."""
    cells = some()
    back = Cells.of_arrays(cells.arrays("values"), "values", 163, 1)
    assert all(np.array_equal(getattr(back, name), getattr(cells, name)) for name in COLUMNS)
    assert len(Cells.of_arrays(Cells.nothing().arrays("x"), "x", 2, 0)) == 0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("rung", np.zeros(1, np.uint8)),
        ("pop", np.full(7, 1, np.uint16)),
        ("key", np.zeros(7, np.int64)),
        ("newest", np.full(7, np.nan)),
        ("used", np.full(7, 5, np.uint16)),
        ("bin", np.full(19, 163, np.uint8)),
        ("weight", np.zeros(19, np.float32)),
        ("today_used", np.full(7, 17, np.uint8)),
        ("yesterday", np.zeros(3, np.uint32)),
    ],
)
def test_what_cannot_be_is_refused(column: str, value: np.ndarray) -> None:
    """A column out of its bounds is named, whoever sent it."""
    cells = some()
    assert (len(cells), len(cells.bin)) == (7, 19)
    stored = replace(cells, **{column: value}).arrays("values")
    with pytest.raises(ArraysError, match=rf"values\.{column}: "):
        Cells.of_arrays(stored, "values", 163, 1)


def test_mixing_is_a_bijection_on_samples() -> None:
    """No two numbers mix to one, and single-bit changes reach the top bits."""
    numbers = np.arange(200_000, dtype=np.uint64)
    mixed = mix64(numbers)
    assert len(np.unique(mixed)) == len(numbers)
    assert abs(np.bincount((mixed >> np.uint64(58)).astype(np.int64)).std() / (200_000 / 64)) < 0.05
