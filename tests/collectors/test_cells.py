import numpy as np
import pytest

from collectors import cells
from collectors.cells import CellTable, Entries, mix64
from collectors.distinct import EMPTY

WIDTH = 8


def entries(**columns: object) -> Entries:
    """Return entries of the given columns; what is not given is alike for all."""
    size = max(len(np.atleast_1d(column)) for column in columns.values())
    plain = {"rung": 0, "metric": 1, "pop": 0, "key": 1, "bin": 0, "weight": 1, "time": 0, "day": 0, "who": 1}
    types = (np.uint8, np.uint8, np.uint16, np.uint64, np.int64, np.float64, np.float64, np.int32, np.uint32)
    return Entries(
        *(
            np.broadcast_to(np.asarray(columns.get(name, value), dtype), size).copy()
            for (name, value), dtype in zip(plain.items(), types, strict=True)
        )
    )


def named(table: CellTable) -> dict[tuple[int, ...], list[float]]:
    """Return the bins of each cell by its name."""
    names = zip(*(table.column(name).tolist() for name in ("rung", "metric", "pop", "key")), strict=True)
    return dict(zip(names, table.bins.tolist(), strict=True))


def test_equal_to_a_dictionary_of_histograms():
    """Whatever order and batches entries come in, each cell holds exactly its own."""
    rng = np.random.default_rng(1)
    table = CellTable(WIDTH, 10_000)
    expected: dict[tuple[int, ...], np.ndarray] = {}
    for size in (1, 0, 500, 3, 2000):
        batch = entries(
            rung=rng.integers(0, 3, size),
            metric=rng.integers(0, 2, size),
            pop=rng.integers(0, 5, size),
            key=rng.integers(0, 1 << 60, 20)[rng.integers(0, 20, size)] if size != 3 else np.arange(3),
            bin=rng.integers(0, WIDTH, size),
            weight=rng.integers(1, 4, size),
        )
        assert table.add(batch) == size
        for i in range(size):
            name = tuple(int(column[i]) for column in (batch.rung, batch.metric, batch.pop, batch.key))
            expected.setdefault(name, np.zeros(WIDTH))[batch.bin[i]] += batch.weight[i]
    assert named(table) == {name: bins.tolist() for name, bins in expected.items()}
    assert np.allclose(table.column("weight"), table.bins.sum(axis=1))


def test_a_cell_is_found_again_after_others_went():
    """Removing cells keeps the rest, their contents and their names."""
    table = CellTable(WIDTH, 100)
    table.add(entries(key=np.arange(10), weight=np.arange(1, 11)))
    assert table.keep(table.column("key") % 3 == 0) == 6
    table.add(entries(key=np.arange(10)))
    assert {name[3]: bins[0] for name, bins in named(table).items()} == {
        key: 1 + (key + 1 if key % 3 == 0 else 0) for key in range(10)
    }


def test_bounded_by_evicting_the_lightest():
    """A table never holds more than it may after an add; the heaviest cells stay whole."""
    table = CellTable(WIDTH, 100)
    table.add(entries(key=np.arange(50), weight=10))
    for first in range(1000, 3000, 25):
        table.add(entries(key=np.arange(first, first + 25)))
        assert len(table) <= 100
    kept = {name[3]: bins[0] for name, bins in named(table).items()}
    assert all(kept[key] == 10 for key in range(50))
    assert table.evicted == 50 + 2000 - len(table)


def test_of_equally_light_cells_the_stalest_goes():
    """Eviction prefers what was heard of last."""
    table = CellTable(WIDTH, 10)
    table.add(entries(key=np.arange(12), time=np.arange(12)))
    assert sorted(table.column("key").tolist()) == list(range(3, 12))


def test_memory_is_bounded():
    """A table of 10,000 cells of a window's width stays within bounds under a flood of new names."""
    table = CellTable(163, 10_000)
    for first in range(0, 200_000, 4000):
        table.add(entries(key=np.arange(first, first + 4000)))
    assert table.nbytes < (10_000 + 4_000) * (163 * 4 + 2 * 16 * 4 + 80)


def counted(table: CellTable) -> tuple[list[int], list[int]]:
    """Return the client hashes of today and yesterday of the one cell of a table."""
    return tuple([h for h in table.column(day)[0].tolist() if h != EMPTY] for day in ("today", "yesterday"))


def test_days_turn_the_clients():
    """A newer day moves today's clients to yesterday; a record of yesterday counts there; older does not."""
    table = CellTable(WIDTH, 10)
    table.add(entries(day=5, who=[1, 2, 1]))
    table.add(entries(day=6, who=4))
    assert counted(table) == ([4], [1, 2])
    table.add(entries(day=[5, 4, 6], who=[8, 16, 32]))
    assert counted(table) == ([4, 32], [1, 2, 8])
    assert table.clients().tolist() == [3]
    table.add(entries(day=9, who=64))
    assert counted(table) == ([64], [])


def test_a_batch_over_midnight_counts_both_days():
    """Records of two days in one batch, new cell or not, land in their own days."""
    table = CellTable(WIDTH, 10)
    table.add(entries(day=[7, 6, 7], who=[1, 2, 4]))
    assert counted(table) == ([1, 4], [2])


def test_storing_and_taking_up():
    """A table made from stored arrays equals the one stored, and goes on finding its cells."""
    rng = np.random.default_rng(2)
    table = CellTable(WIDTH, 1000)
    batch = entries(
        key=rng.integers(0, 200, 900), bin=rng.integers(0, WIDTH, 900), pop=rng.integers(0, 3, 900)
    )
    table.add(batch)
    table.scale(0.3)
    again = CellTable.of_arrays(WIDTH, 1000, table.arrays())
    assert named(again) == named(table)
    assert again.clients().tolist() == table.clients().tolist()
    again.add(batch)
    table.add(batch)
    assert named(again) == named(table)
    assert len(CellTable.of_arrays(WIDTH, 50, table.arrays())) <= 50


def test_cells_of_one_hash_never_mix(monkeypatch: pytest.MonkeyPatch):
    """Were two names to have one hash, the later one is refused and counted."""
    monkeypatch.setattr(cells, "_mix", lambda key, *_: np.zeros(len(key), np.uint64))
    table = CellTable(WIDTH, 100)
    assert table.add(entries(key=[5, 5, 6])) == 2
    assert table.add(entries(key=[6, 5])) == 1
    assert named(table) == {(0, 1, 0, 5): [3.0, *[0.0] * 7]}
    assert table.collided == 2


def test_mixing_is_a_bijection_on_samples():
    """No two numbers mix to one, and single-bit changes reach the top bits."""
    numbers = np.arange(200_000, dtype=np.uint64)
    mixed = mix64(numbers)
    assert len(np.unique(mixed)) == len(numbers)
    assert abs(np.bincount((mixed >> np.uint64(58)).astype(np.int64)).std() / (200_000 / 64)) < 0.05
