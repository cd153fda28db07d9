from __future__ import annotations

from models.coverage import coverage
from models.training import TrainingTable


def test_shares_ascend_over_all_held_out_pairs(table: TrainingTable, continents: dict[str, str]) -> None:
    """Every client with every server, once."""
    shares = coverage(table, continents)
    assert 0 <= shares.below_p25 <= shares.below_p50 <= shares.below_p75 <= 1
    assert shares.pairs == (~table.is_server).sum() * table.is_server.sum()
