import time

import numpy as np
import pytest

from collectors.aggregate import Aggregates, aggregate, empty, load, save
from collectors.arrays import ArrayFile, pack
from collectors.errors import ArraysError
from collectors.window import Windows
from tests.collectors.observed import NOON, Clock, add, observed


def learned(*batches: np.ndarray) -> Aggregates:
    """Return the aggregates of some batches."""
    clock = Clock()
    windows = Windows(200_000, 43_200, clock)
    for batch in batches:
        add(windows, batch, clock())
    return aggregate(windows, clock)


def test_metrics_of_one_pop_share_a_row():
    """Round trips, availability, connect times and throughput of one cell stand side by side."""
    known = learned(
        observed([10, 20, 30, 40], client=range(1, 5)),
        observed([1, 0], metric="availability"),
        observed([90], metric="connect_ms", time=NOON - 60),
        observed([5000], metric="throughput_kbps"),
    ).select(0)
    assert len(known) == 1
    assert (known.n[0], known.availability[0], known.availability_n[0]) == (4, 0.5, 2)
    assert known.p25[0] == pytest.approx(10, rel=0.05)
    assert known.p50[0] == pytest.approx(20, rel=0.05)
    assert known.p75[0] == pytest.approx(30, rel=0.05)
    assert known.connect_p50[0] == pytest.approx(90, rel=0.05)
    assert known.throughput_p50[0] == pytest.approx(5000, rel=0.05)
    assert known.distinct[0] == 4
    assert known.age_seconds[0] == 0


def test_what_is_not_measured_reads_as_nothing():
    """NaN where a metric has no records, zero where a number counts."""
    known = learned(observed([10]), observed([1] * 7, metric="availability", pop="pop-b", client=range(1, 8)))
    rows = known.select(0)
    assert rows.pop.tolist() == [b"pop-a", b"pop-b"]
    assert rows.n.tolist() == [1, 0]
    assert np.isnan(rows.availability).tolist() == [True, False]
    assert np.isnan(rows.p25).tolist() == [False, True]
    assert rows.availability_n.tolist() == [0, 7]
    assert rows.distinct.tolist() == [1, 7]


def test_rows_are_sorted_and_selected_by_rung():
    """Rung, then key, then POP id, whatever order POPs and networks appeared in."""
    batches = [
        observed([10, 20, 30], pop=pop, unit=[700, 3, 90_000]) for pop in ("zulu", "alfa", "mike", "alfa-2")
    ]
    known = learned(*batches)
    triples = list(zip(known.rung.tolist(), known.key.tolist(), known.pop.tolist(), strict=True))
    assert triples == sorted(set(triples))
    for rung in range(8):
        part = known.select(rung)
        assert triples_of(part) == [triple for triple in triples if triple[0] == rung]
    assert len(known.select(3)) == 0


def triples_of(known: Aggregates) -> list[tuple[int, int, bytes]]:
    return list(zip(known.rung.tolist(), known.key.tolist(), known.pop.tolist(), strict=True))


def test_bytes_and_back():
    """Aggregates survive saving, and the same aggregates give the same bytes."""
    known = learned(observed([10, 20, 30], unit=[1, 2, 3]), observed([0], metric="availability"))
    data = save(known)
    back = load(data)
    assert save(back) == data
    assert back.made_at == NOON
    assert np.array_equal(back.p50, known.p50, equal_nan=True)
    assert back.pop.dtype == known.pop.dtype


def test_foreign_bytes_are_refused():
    """Only aggregates load as aggregates."""
    with pytest.raises(ArraysError):
        load(b"nonsense")
    with pytest.raises(ArraysError):
        load(pack(ArrayFile({"kind": "windows"}, {})))


def test_nothing_is_nothing():
    """Aggregates of no records have no rows and survive all operations."""
    nothing = empty(NOON)
    assert len(nothing) == len(nothing.select(0)) == len(load(save(nothing))) == 0
    assert nothing.made_at == NOON


def test_a_hundred_thousand_cells_well_under_a_second():
    """Reading every cell each build is affordable (some 0.2 s; the bound allows for a busy machine)."""
    rng = np.random.default_rng(9)
    size = 100_000
    batch = observed(rng.lognormal(4, 1, size), unit=np.arange(size))
    clock = Clock()
    windows = Windows(300_000, 43_200, clock)
    add(windows, batch, clock(), per_place=1)
    started = time.process_time()
    rows = aggregate(windows, clock)
    assert len(rows) > 200_000
    assert time.process_time() - started < 3.0
