from __future__ import annotations

import numpy as np

from models.evaluate import measured
from models.examples import examples
from models.training import TrainingTable


def test_every_known_pair_is_one_row(table: TrainingTable, continents: dict[str, str]) -> None:
    """Unmeasured pairs and the diagonal are no examples."""
    everything = measured(table, continents)
    rows = examples(everything.ends, everything.rtt_ms)
    assert len(rows.features) == len(rows.targets) == np.isfinite(table.rtt_ms).sum()


def test_a_pair_needs_both_ends(table: TrainingTable, continents: dict[str, str]) -> None:
    """A held-out node takes its pairs in both directions with it."""
    kept = measured(table, continents).take(np.delete(np.arange(len(table)), 3))
    rows = examples(kept.ends, kept.rtt_ms)
    gone = table.sites.lat[3]
    assert len(rows.features) == (len(table) - 1) * (len(table) - 2)
    assert not (rows.features[:, [0, 2]] == gone).any()


def test_a_round_trip_below_the_floor_counts_as_on_it(
    table: TrainingTable, continents: dict[str, str]
) -> None:
    """A wrong position gives no negative target."""
    ends = measured(table, continents).ends
    assert (examples(ends, table.rtt_ms * 0.01).targets == 0).all()
