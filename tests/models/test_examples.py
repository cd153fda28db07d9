from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.examples import examples
from models.training import TrainingTable


def test_every_known_pair_is_one_row(table: TrainingTable, continents: dict[str, str]) -> None:
    """Unmeasured pairs and the diagonal are no examples."""
    rows = examples(table, continents)
    assert len(rows.features) == len(rows.targets) == np.isfinite(table.rtt_ms).sum()


def test_a_pair_needs_both_ends(table: TrainingTable, continents: dict[str, str]) -> None:
    """A held-out node takes its pairs in both directions with it."""
    keep = np.ones(len(table), bool)
    keep[3] = False
    rows = examples(table, continents, keep)
    gone = table.sites.lat[3]
    assert len(rows.features) == (len(table) - 1) * (len(table) - 2)
    assert not (rows.features[:, [0, 2]] == gone).any()


def test_a_round_trip_below_the_floor_counts_as_on_it(
    table: TrainingTable, continents: dict[str, str]
) -> None:
    """A wrong position gives no negative target."""
    impossible = replace(table, rtt_ms=table.rtt_ms * 0.01)
    assert (examples(impossible, continents).targets == 0).all()
