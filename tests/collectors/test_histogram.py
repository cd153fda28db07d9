import math

import numpy as np
import pytest
from ddsketch import DDSketch

from collectors import histogram as module
from collectors.histogram import BINS, MAX_VALUE, MIN_VALUE, RELATIVE_ERROR, bin_of, value_of

ERROR = RELATIVE_ERROR * (1 + 1e-6)
QUARTILES = (0.25, 0.5, 0.75)


def quantiles(rows: np.ndarray, q: tuple[float, ...]) -> np.ndarray:
    """Return the quantiles of histograms with all their bins, the empty ones too."""
    row, bins = np.nonzero(rows)
    return module.quantiles(np.bincount(row, minlength=len(rows)), bins, rows[row, bins], q)


def histogram(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    return np.bincount(bin_of(values), weights, minlength=BINS).astype(np.float32)


def test_every_value_comes_back_within_five_percent():
    """The value of a bin is within the promised relative error of all that falls into it."""
    values = np.geomspace(MIN_VALUE, MAX_VALUE, 100_001)
    back = value_of(bin_of(values))
    assert np.abs(back / values - 1).max() <= ERROR


def test_values_outside_are_counted_at_the_ends():
    """Nothing falls out of the histogram; a later value never lies in an earlier bin."""
    assert bin_of(np.array([0.0, -5.0, 0.05])).tolist() == [0, 0, 0]
    assert bin_of(np.array([1e6, 1e9, math.inf])).tolist() == [bin_of(np.array([1e6]))[0]] * 3
    assert (np.diff(bin_of(np.geomspace(0.01, 1e7, 5000))) >= 0).all()
    assert bin_of(np.array([1e6]))[0] < BINS


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_the_ddsketch_package(seed: int):
    """Bins and quantiles are those of DDSketch of the same relative error, for undecayed records."""
    values = np.random.default_rng(seed).lognormal(3.5, 1.2, 4001).clip(MIN_VALUE, MAX_VALUE)
    sketch = DDSketch(RELATIVE_ERROR)
    for value in values:
        sketch.add(value)
    ours = quantiles(histogram(values)[None], QUARTILES)[:, 0]
    exact = np.quantile(values, QUARTILES, method="inverted_cdf")
    theirs = np.array([sketch.get_quantile_value(q) for q in QUARTILES])
    assert np.abs(ours / exact - 1).max() <= ERROR
    assert np.abs(theirs / exact - 1).max() <= ERROR  # at n = 4001 both mean the same rank
    assert np.abs(ours / theirs - 1).max() <= 2 * ERROR


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 20])
def test_small_samples_follow_the_inverted_distribution_function(n: int):
    """With few records a quantile is one of them, the same one that numpy's definition names."""
    values = np.random.default_rng(n).lognormal(4, 1, n)
    exact = np.quantile(values, QUARTILES, method="inverted_cdf")
    ours = quantiles(histogram(values)[None], QUARTILES)[:, 0]
    assert np.abs(ours / exact - 1).max() <= ERROR


def test_weighted_records_count_by_their_weight():
    """Decayed weights shift quantiles as numpy's weighted quantile does."""
    rng = np.random.default_rng(7)
    values, weights = rng.lognormal(3, 1, 500), rng.uniform(0.01, 1, 500)
    exact = np.quantile(values, QUARTILES, method="inverted_cdf", weights=weights)
    ours = quantiles(histogram(values, weights)[None], QUARTILES)[:, 0]
    assert np.abs(ours / exact - 1).max() <= ERROR


def test_scaling_all_weights_moves_no_quantile():
    """Decay alone changes nothing that is read, not even at exact ties of rank and running sum."""
    rows = np.stack([histogram(np.random.default_rng(n).lognormal(4, 1, n)) for n in range(1, 60)])
    before = quantiles(rows, QUARTILES)
    for factor in (0.9993, 1 / 3, 1e-3):
        rows = rows * np.float32(factor)
        assert (quantiles(rows, QUARTILES) == before).all()


def test_empty_rows_read_as_nan_and_none_as_none():
    """No record, no quantile; no rows, no columns."""
    rows = np.zeros((3, BINS), np.float32)
    rows[1, 50] = 0.01
    out = quantiles(rows, (0.0, 0.5, 1.0))
    assert np.isnan(out[:, [0, 2]]).all()
    assert (out[:, 1] == value_of(np.array([50]))).all()
    assert quantiles(np.zeros((0, BINS), np.float32), QUARTILES).shape == (3, 0)


def test_many_rows_at_once_equal_each_alone():
    """Blocks of rows are an inner matter."""
    rows = np.random.default_rng(3).poisson(0.05, (5000, BINS)).astype(np.float32)
    together = quantiles(rows, QUARTILES)
    for row in (0, 4095, 4096, 4999):
        assert np.array_equal(
            together[:, row], quantiles(rows[row : row + 1], QUARTILES)[:, 0], equal_nan=True
        )
