import numpy as np

from collectors.tally import Tally


def count(
    tally: Tally, names: list[int] | np.ndarray, day: int = 10, cap: int = 20
) -> tuple[list[int], Tally]:
    before, after = tally.counted(np.asarray(names, np.uint64), np.full(len(names), day, np.int32), cap)
    return before.tolist(), after


def test_turns_equal_a_plain_count():
    """Each record is told how many of its name came before, as counting one after the other would tell."""
    names = np.random.default_rng(4).integers(1, 40, 3000)
    seen: dict[int, int] = {}
    tally, cap = Tally.empty(), 20
    for first in range(0, 3000, 250):
        batch = names[first : first + 250]
        before, tally = count(tally, batch, cap=cap)
        for name, turn in zip(batch.tolist(), before, strict=True):
            assert (turn < cap) is (seen.get(name, 0) < cap)
            assert turn == seen.get(name, 0) or turn >= cap
            seen[name] = seen.get(name, 0) + 1
    assert dict(zip(tally.name.tolist(), tally.count.tolist(), strict=True)) == {
        name: min(n, cap) for name, n in seen.items()
    }
    assert (np.diff(tally.name) > 0).all()


def test_the_days_before_yesterday_go():
    """Two days are remembered, counted from the newest seen."""
    _, tally = count(Tally.empty(), [1, 1, 2], day=10)
    _, tally = count(tally, [3], day=11)
    assert tally.bounded(100).name.tolist() == [1, 2, 3]
    _, tally = count(tally, [4], day=12)
    assert tally.bounded(100).name.tolist() == [3, 4]


def test_beyond_the_bound_the_smallest_counts_go():
    """The names that counted most are kept, some tenth fewer than may be."""
    names = [name for name in range(1, 31) for _ in range(name)]
    _, tally = count(Tally.empty(), names, cap=1000)
    kept = tally.bounded(20)
    assert kept.name.tolist() == list(range(13, 31))
    assert kept.count.tolist() == list(range(13, 31))
    assert tally.bounded(30) is tally
