import numpy as np
import pytest

from collectors.distinct import EMPTY, K, count, merge, packed, unpacked


def nothing(cells: int) -> np.ndarray:
    return np.full((cells, K), EMPTY)


@pytest.mark.parametrize("clients", range(K))
def test_few_clients_are_counted_exactly(clients: int):
    """Below K the count is the number of different hashes, however often each comes and in which batches."""
    rng = np.random.default_rng(clients)
    smallest = nothing(3)
    hashes = rng.integers(0, EMPTY, clients, dtype=np.uint32)
    for _ in range(3):
        order = rng.permutation(np.repeat(hashes, 2))
        merge(smallest, np.full(len(order), 1), order)
    assert count(smallest).tolist() == [0, clients, 0]
    assert smallest[1, :clients].tolist() == sorted(hashes.tolist())


@pytest.mark.parametrize("clients", [16, 100, 5000])
def test_many_clients_are_estimated(clients: int):
    """The mean over many cells is near the truth, and two thirds lie within the stated error."""
    rng = np.random.default_rng(clients)
    smallest = nothing(300)
    for _ in range(clients):
        merge(smallest, np.arange(300), rng.integers(0, EMPTY, 300, dtype=np.uint32))
    counted = count(smallest)
    assert counted.mean() == pytest.approx(clients, rel=0.1)
    assert np.mean(np.abs(counted / clients - 1) <= 0.3) > 0.66


def test_rows_are_those_of_a_plain_set():
    """Whatever batches hashes come in, a row holds the K smallest different ones of its cell."""
    rng = np.random.default_rng(1)
    smallest, sets = nothing(20), [set() for _ in range(20)]
    for size in (1, 50, 0, 400, 400):
        rows, hashes = rng.integers(0, 20, size), rng.integers(0, 200, size, dtype=np.uint32)
        merge(smallest, rows, hashes)
        for row, value in zip(rows.tolist(), hashes.tolist(), strict=True):
            sets[row].add(value)
    for row, seen in zip(smallest.tolist(), sets, strict=True):
        assert [value for value in row if value != EMPTY] == sorted(seen)[:K]


def test_packing_and_unpacking():
    """Rows come back as they were: empty, partly filled, full."""
    smallest = nothing(3)
    merge(smallest, np.array([0, 0, *[2] * 40]), np.array([5, 3, *range(100, 140)], np.uint32))
    used, hashes = packed(smallest)
    assert used.tolist() == [2, 0, K]
    assert np.array_equal(unpacked(used, hashes), smallest)
    assert len(unpacked(*packed(nothing(0)))) == 0
