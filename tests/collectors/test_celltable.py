import numpy as np
import pytest

from collectors import celltable
from collectors.cells import Cells
from collectors.celltable import FAINT, SLOTS_PER_CELL, CellTable
from collectors.distinct import EMPTY

WIDTH = 8
POPS = np.arange(16, dtype=np.uint16)


def cells(**columns: object) -> Cells:
    """Return cells of one bin and one client each; what is not given is alike for all."""
    size = max(len(np.atleast_1d(column)) for column in columns.values())
    plain = {
        "rung": 0,
        "metric": 1,
        "pop": 0,
        "key": 1,
        "newest": 0,
        "day": 0,
        "used": 1,
        "bin": 0,
        "weight": 1,
    }
    plain |= {"today_used": 1, "today": 1, "yesterday_used": 0, "era": 0, "back": 1}
    columns["today"] = np.asarray(columns.get("today", 1)) << 16 | np.asarray(columns.pop("vote", 0))
    made = {
        name: np.broadcast_to(columns.get(name, value), size).astype(getattr(Cells.nothing(), name).dtype)
        for name, value in plain.items()
    }
    return Cells(**made, yesterday=np.zeros(0, np.uint32))


def add(table: CellTable, **columns: object) -> None:
    table.merge(cells(**columns), POPS)


def named(table: CellTable) -> dict[tuple[int, ...], list[float]]:
    """Return the bins of each cell by its name."""
    names = zip(*(table.column(name).tolist() for name in ("rung", "metric", "pop", "key")), strict=True)
    bins = np.stack([table.weights(bin_) for bin_ in range(WIDTH)], axis=1)
    return dict(zip(names, bins.tolist(), strict=True))


def test_equal_to_a_dictionary_of_histograms() -> None:
    """Whatever order and batches entries come in, each cell holds exactly its own."""
    rng = np.random.default_rng(1)
    table = CellTable(10_000)
    expected: dict[tuple[int, ...], np.ndarray] = {}
    for size in (1, 0, 500, 3, 2000):
        batch = cells(
            rung=rng.integers(0, 3, size),
            metric=rng.integers(0, 2, size),
            pop=rng.integers(0, 5, size),
            key=rng.integers(0, 1 << 60, 20)[rng.integers(0, 20, size)] if size != 3 else np.arange(3),
            bin=rng.integers(0, WIDTH, size),
            weight=rng.integers(1, 4, size),
        )
        table.merge(batch, POPS)
        for i in range(size):
            name = tuple(int(column[i]) for column in (batch.rung, batch.metric, batch.pop, batch.key))
            expected.setdefault(name, np.zeros(WIDTH))[batch.bin[i]] += batch.weight[i]
    assert named(table) == {name: bins.tolist() for name, bins in expected.items()}
    assert np.allclose(table.weights(), np.array(list(named(table).values())).sum(axis=1))


def test_a_cell_is_found_again_after_others_went() -> None:
    """Removing cells keeps the rest, their contents and their names."""
    table = CellTable(100)
    add(table, key=np.arange(10), weight=np.arange(1, 11))
    assert table.keep(table.column("key") % 3 == 0) == 6
    add(table, key=np.arange(10))
    assert {name[3]: bins[0] for name, bins in named(table).items()} == {
        key: 1 + (key + 1 if key % 3 == 0 else 0) for key in range(10)
    }


def test_bounded_by_evicting_the_lightest() -> None:
    """A table never holds more than it may after an add; the heaviest cells stay whole."""
    table = CellTable(100)
    add(table, key=np.arange(50), weight=10)
    for first in range(1000, 3000, 25):
        add(table, key=np.arange(first, first + 25))
        assert len(table) <= 100
    kept = {name[3]: bins[0] for name, bins in named(table).items()}
    assert all(kept[key] == 10 for key in range(50))
    assert table.evicted == 50 + 2000 - len(table)


def test_of_equally_light_cells_the_stalest_goes() -> None:
    """Eviction prefers what was heard of last."""
    table = CellTable(10)
    add(table, key=np.arange(12), newest=np.arange(12))
    assert sorted(table.column("key").tolist()) == list(range(3, 12))


def test_memory_is_bounded_in_cells() -> None:
    """A table of 10,000 cells stays within bounds under a flood of new names."""
    table = CellTable(10_000)
    for first in range(0, 200_000, 4000):
        add(table, key=np.arange(first, first + 4000))
    assert table.nbytes < 10_000 * 200


def test_memory_is_bounded_in_slots() -> None:
    """Cells that fill all their bins make others go, the lightest first."""
    table = CellTable(100)
    add(table, key=np.arange(60), weight=0.5)
    for bin_ in range(160):
        add(table, key=np.arange(20), bin=bin_)
    assert table.nbytes < 100 * (SLOTS_PER_CELL * 8 + 200)
    assert table.evicted > 60
    assert set(table.column("key").tolist()) <= set(range(20))


def test_what_is_faint_is_let_go() -> None:
    """Bins that nobody has filled for days cost nothing."""
    table = CellTable(10)
    add(table, key=[1, 1], bin=[1, 2], weight=[1, 4 * FAINT])
    table.scale(0.2)
    assert table.cells().bin.tolist() == [1]
    assert table.weights().tolist() == pytest.approx([0.2])


def counted(table: CellTable) -> tuple[list[int], list[int]]:
    """Return the voters' hashes of today and yesterday of the one cell of a table."""
    return tuple(
        [h >> 16 for h in table.column(day)[0].tolist() if h != EMPTY] for day in ("today", "yesterday")
    )


def test_days_turn_the_clients() -> None:
    """A newer day moves today's clients to yesterday; a record of yesterday counts there; older does not."""
    table = CellTable(10)
    add(table, day=5, today=[1, 2, 1])
    add(table, day=6, today=4)
    assert counted(table) == ([4], [1, 2])
    add(table, day=[5, 4, 6], today=[8, 16, 32])
    assert counted(table) == ([4, 32], [1, 2, 8])
    assert table.clients().tolist() == [3]
    add(table, day=9, today=64)
    assert counted(table) == ([64], [])


def test_a_batch_over_midnight_counts_both_days() -> None:
    """Records of two days in one batch, new cell or not, land in their own days."""
    table = CellTable(10)
    add(table, day=[7, 6, 7], today=[1, 2, 4])
    assert counted(table) == ([1, 4], [2])


def test_a_new_key_neither_doubles_clients_nor_loses_them() -> None:
    """Six clients, a restart, one of them again and again under new keys: six, not more and not fewer."""
    table = CellTable(10)
    add(table, day=5, era=1, today=[1, 2, 3, 4, 5, 6], vote=2)
    for era in range(2, 9):
        add(table, day=5, era=era, today=100 + era, vote=7)
        assert table.clients().tolist() == [6]
        assert table.votes()[0].tolist() == pytest.approx([2], abs=0.5)
    assert table.weights().tolist() == [13]
    again = CellTable(10)
    again.merge(table.cells(), POPS)
    for one in (table, again):
        assert counted(one) == ([108], [1, 2, 3, 4, 5, 6])
        add(one, day=5, era=8, today=9)
        assert counted(one) == ([9, 108], [1, 2, 3, 4, 5, 6])
        add(one, day=6, era=9, today=[50, 51])
        assert counted(one) == ([50, 51], [1, 2, 3, 4, 5, 6])
        add(one, day=7, era=10, today=77)
        assert counted(one) == ([77], [50, 51])


def test_what_is_known_by_no_key_counts_on() -> None:
    """Voters that need no key (networks, unknown clients) stand beside those of any key of the day."""
    table = CellTable(10)
    for era, who in ((0, [1, 2]), (3, [3]), (0, [4])):
        add(table, day=5, era=era, today=who)
    assert counted(table) == ([1, 2, 3, 4], [])


def test_few_votes_of_today_are_cast_with_those_of_yesterday() -> None:
    """Below eight voters those of the day before vote along; from eight on today speaks for itself."""
    table = CellTable(10)
    add(table, day=5, today=[1, 2, 3, 4, 5], vote=2)
    add(table, day=6, today=[11, 12, 13], vote=6)
    assert table.votes()[0].tolist() == pytest.approx([2], abs=0.5)
    add(table, day=6, today=range(14, 19), vote=6)
    assert table.votes()[0].tolist() == pytest.approx([6], abs=0.5)


def test_its_cells_make_it_again() -> None:
    """A table made of the cells of another equals it, and goes on finding its cells."""
    rng = np.random.default_rng(2)
    table = CellTable(1000)
    batch = {
        "key": rng.integers(0, 200, 900),
        "bin": rng.integers(0, WIDTH, 900),
        "pop": rng.integers(0, 3, 900),
    }
    add(table, **batch)
    table.scale(0.3)
    again, small = CellTable.of(table.cells(), 1000), CellTable.of(table.cells(), 50)
    merged = CellTable(1000)
    merged.merge(table.cells(), POPS)
    assert named(merged) == named(table)
    assert named(again) == named(table)
    assert again.clients().tolist() == table.clients().tolist()
    for one in (table, again):
        add(one, **batch)
    assert named(again) == named(table)
    assert 0 < len(small) <= 50


def test_merging_numbers_pops_anew_and_scales() -> None:
    """What another table calls POP 1 may be POP 7 here; weights come at the moment of this table."""
    table = CellTable(10)
    table.merge(cells(pop=[0, 1], weight=[1, 2]), np.array([3, 7], np.uint16), factor=0.5)
    assert {name[2]: bins[0] for name, bins in named(table).items()} == {3: 0.5, 7: 1.0}


def test_cells_of_one_hash_never_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were two names to have one hash, the later one is refused and counted."""
    monkeypatch.setattr(celltable, "hash_of", lambda rung, *_: np.zeros(len(rung), np.uint64))
    table = CellTable(100)
    add(table, key=[5, 5, 6])
    add(table, key=[6, 5])
    assert named(table) == {(0, 1, 0, 5): [3.0, *[0.0] * 7]}
    assert table.collided == 2
