from __future__ import annotations

import numpy as np
import pytest

from collectors.network import Network
from itm.steer.behind import Behind
from tests.itm.steer.crowds import NOW, crowd, table
from tests.itm.steer.worlds import AMERICA, DUTCH


def names(behind: Behind) -> list[str]:
    return [str(Network.of_key(int(key))) for key in behind.resolver]


@pytest.mark.parametrize(
    ("clients", "weight", "age_days", "is_known"),
    [
        (3, 1.0, 0.0, True),
        (2, 4.0, 0.0, False),
        (3, 1.0, 6.9, True),
        (3, 1.0, 7.1, False),
        (9, 1.0, 14.0, True),
    ],
)
def test_few_or_faded_clients_are_not_enough(
    clients: int, weight: float, age_days: float, is_known: bool
) -> None:
    """Three distinct networks, and sightings that still weigh one and a half."""
    made = table(*crowd(DUTCH, {"133.11": clients}, weight), age_days=age_days)
    assert (len(Behind.of(made, NOW, 7.0)) == 1) == is_known


def test_rows_are_sorted_and_found() -> None:
    """Each resolver has its own clients, in order, whatever the order of the table."""
    rows = [*crowd(DUTCH, {"133.11": 3}), *crowd(AMERICA, {"193.0": 4}), ("2001:db8::53", "133.11.0.1", 4.0)]
    behind = Behind.of(table(*rows[::-1], age_days=1.0), NOW, 7.0)
    assert names(behind) == ["8.8.8.0/24", "193.0.6.0/24"]
    assert behind.start.tolist() == [0, 4, 7]
    row = behind.row_of(Network.of(DUTCH))
    assert row == 1
    own = behind.rows(row, row + 1)
    assert [str(Network.of_key(int(key))) for key in own.client] == [f"133.11.{n}.0/24" for n in range(3)]
    assert own.age_days.tolist() == [1.0] * 3
    assert np.allclose(own.weight, 0.5 ** (1 / 7))
    for other in ("193.0.7.1", "2001:db8::53", "255.255.255.1"):
        assert behind.row_of(Network.of(other)) is None


def test_nobody() -> None:
    """A server that has learned nothing has no row."""
    behind = Behind.of(table(), NOW, 7.0)
    assert (len(behind), behind.start.tolist()) == (0, [0])
    assert Behind.nothing().row_of(Network.of(DUTCH)) is None
