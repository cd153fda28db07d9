from pathlib import Path

import numpy as np
import pytest

from collectors.aggregate import Aggregates, aggregate, save
from collectors.arrays import ArrayFile, pack, read
from collectors.bus import Mark
from collectors.errors import ArraysError
from collectors.gather import COARSE_WEIGHT, KEEP_HALF_LIVES, gather
from collectors.segments import Position
from collectors.window import Windows
from tests.collectors import observed as records_of
from tests.collectors.observed import DAY, HOUR, NOON, Clock, observed

HALF_LIFE = 12 * HOUR


def windows(clock: Clock, max_cells: int = 10_000) -> Windows:
    return Windows(max_cells, HALF_LIFE, clock)


def add(target: Windows, records: np.ndarray) -> int:
    return records_of.add(target, records, target._clock())


def network_row(target: Windows, clock: Clock) -> Aggregates:
    """Return what is known of the one network of a test."""
    return aggregate(target, clock).select(0)


def test_a_record_counts_on_every_known_rung():
    """Six of seven rungs are known (no AS): six cells, each with the whole batch."""
    clock = Clock()
    target = windows(clock)
    assert add(target, observed([20, 30, 40])) == 3
    known = aggregate(target, clock)
    assert known.rung.tolist() == [0, 1, 2, 4, 5, 6]
    assert known.n.tolist() == [3] * 6
    assert known.key[-1] == 0


def test_weights_halve_with_the_half_life():
    """A record of one half-life ago counts half; quantiles stay, the age grows."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10, 20, 30, 40]))
    before = network_row(target, clock)
    clock.now += HALF_LIFE
    target.decay()
    after = network_row(target, clock)
    assert after.n[0] == pytest.approx(2)
    assert (after.p25, after.p50, after.p75) == (before.p25, before.p50, before.p75)
    assert (before.age_seconds[0], after.age_seconds[0]) == (0, HALF_LIFE)


def test_decay_in_steps_equals_decay_at_once():
    """Weights depend on the time passed, not on how often decay was called."""
    clock = Clock()
    often, once = windows(clock), windows(clock)
    for target in (often, once):
        add(target, observed([10, 20, 30, 40]))
    for _ in range(2880):
        clock.now += 30
        often.decay()
    once.decay()
    assert network_row(often, clock).n[0] == pytest.approx(network_row(once, clock).n[0], rel=1e-4)


def test_late_records_weigh_what_their_age_leaves_them():
    """A record that arrives late ends up as if it had come in time, decayed meanwhile or not."""
    clock = Clock()
    in_time, late = windows(clock), windows(clock)
    add(in_time, observed([10, 20]))
    clock.now += 5 * HOUR
    for target in (in_time, late):
        target.decay()
    clock.now += HOUR
    add(late, observed([10, 20], time=NOON))
    add(in_time, observed([30], time=clock.now))
    add(late, observed([30], time=clock.now))
    for target in (in_time, late):
        target.decay()
    assert network_row(late, clock).n[0] == pytest.approx(network_row(in_time, clock).n[0], rel=1e-6)


def test_recent_records_move_the_median_past_old_ones():
    """Ten records of today outweigh twelve of a day ago."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([20] * 12, time=NOON - DAY))
    add(target, observed([80] * 10))
    assert network_row(target, clock).p50[0] == pytest.approx(80, rel=0.05)


def test_future_records_count_as_now():
    """A clock that goes ahead gains no weight and no negative age."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10], time=NOON + 900))
    row = network_row(target, clock)
    assert (row.n[0], row.age_seconds[0]) == (1, 0)


def test_a_clock_set_back_changes_nothing():
    """Time stands still until the clock has caught up."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10] * 4))
    clock.now -= HOUR
    target.decay()
    assert network_row(target, clock).n[0] == 4


@pytest.mark.parametrize("stopped", [100 * HALF_LIFE, 2000 * HALF_LIFE])
def test_windows_of_long_ago_take_what_is_measured_now(stopped: float):
    """A server that was off, or pinned, for months: nothing overflows, and what was before is forgotten."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([20] * 5))
    clock.now += stopped
    add(target, observed([80] * 3, time=clock.now))
    row = network_row(target, clock)
    assert row.n[0] == pytest.approx(3)
    assert row.p50[0] == pytest.approx(80, rel=0.05)


def test_what_was_gathered_by_a_clock_that_is_ahead_weighs_no_more():
    """Of a year, or of what no clock says."""
    for ahead in (365 * DAY, 1e300):
        clock = Clock()
        target = windows(clock)
        records = observed([20] * 4)
        target.merge(gather(records, records_of.rungs(records), NOON + ahead, 1e308))
        assert network_row(target, clock).n[0] <= 4


def test_cells_are_forgotten_on_schedule():
    """A light cell goes by its weight, a heavy one when nothing new came for four half-lives."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10] * 1000, unit=1 << 16))
    add(target, observed([10], time=NOON, unit=2 << 16, coarse=True))
    clock.now = NOON + 3.5 * HALF_LIFE
    target.decay()
    assert network_row(target, clock).key.tolist() == [4 << 60 | 1 << 16]
    assert target.forgotten == 3  # network, prefix and place of the light one
    clock.now = NOON + KEEP_HALF_LIVES * HALF_LIFE + 1
    target.decay()
    assert len(target) == 0


def test_records_past_keeping_are_refused():
    """What would be forgotten at once is not taken, and is counted."""
    clock = Clock()
    target = windows(clock)
    assert add(target, observed([10, 20], time=[NOON - 49 * HOUR, NOON - 47 * HOUR])) == 1
    assert (target.late, target.counted) == (1, 1)


def test_coarse_timers_count_half():
    """A record of a coarse timer has half the weight."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10, 10], coarse=True))
    assert network_row(target, clock).n[0] == 2 * COARSE_WEIGHT


def test_availability_is_counted_apart():
    """Successes and failures make a share; they never reach the round-trip quantiles."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([1, 1, 1, 0], metric="availability"))
    row = network_row(target, clock)
    assert (row.availability[0], row.availability_n[0], row.n[0]) == (0.75, 4, 0)
    assert np.isnan(row.p50[0])


def test_distinct_clients_then_distinct_networks():
    """A network counts its clients; wider rungs count networks, whatever the number of clients."""
    clock = Clock()
    target = windows(clock)
    many = observed([10] * 40, unit=[256 * 3 + n % 2 for n in range(40)], client=range(1, 41))
    add(target, many)
    known = aggregate(target, clock)
    assert known.distinct[known.rung == 0].tolist() == pytest.approx([20, 20], rel=0.6)
    assert known.distinct[known.rung > 0].tolist() == [2] * 5


def test_one_client_stays_one():
    """Repeating oneself, or not being known, makes nobody two."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10] * 50, client=77))
    add(target, observed([10] * 50, unit=5, client=0))
    assert network_row(target, clock).distinct.tolist() == [1, 1]


def test_distinct_survives_the_change_of_key_at_midnight():
    """Clients hash anew each day: two days of the same ten clients are ten, not twenty."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10] * 10, client=range(1, 11)))
    clock.now += DAY
    add(target, observed([10] * 10, client=range(31, 41), time=clock.now))
    assert network_row(target, clock).distinct[0] == 10


def test_a_restart_of_the_collector_makes_nobody_two():
    """A new key's hashes are another era: three starts of one client are one, and ten clients stay ten."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([10] * 10, client=[1 << 24 | n for n in range(10)]))
    for era in (2, 3, 4):
        add(target, observed([10], client=era << 24 | 77))
        add(target, observed([10], client=era << 24 | 77, unit=5))
    assert network_row(target, clock).distinct.tolist() == [1, 10]
    assert network_row(target, clock).n.tolist() == [3, 13]


def test_the_median_vote_has_one_voice_per_voter():
    """One client's hundred records outweigh nobody's three, nor do a network's beyond it, nor an AS's."""
    clock = Clock()
    target = windows(clock)
    loud = observed([200] * 100, client=9)
    quiet = [observed([20], client=n, unit=u) for n, u in ((1, 0x850B00), (2, 0x850B00), (3, 7), (4, 9))]
    batch = np.concatenate([loud, *quiet])
    keys = records_of.rungs(batch, per_place=1 << 24)
    keys[:, 3] = np.where(batch["unit"] == 0x850B00, 64500, batch["unit"])
    target.merge(gather(batch, keys, clock.now, HALF_LIFE))
    known = aggregate(target, clock)
    assert known.p50[known.rung == 5].tolist() == pytest.approx([200], rel=0.05)
    assert known.vote_rtt[known.rung == 0].tolist() == pytest.approx([20, 20, 20], rel=0.05)
    assert known.vote_rtt[known.rung == 5].tolist() == pytest.approx([20], rel=0.05)
    assert known.distinct[known.rung == 3].tolist() == [1, 1, 1]
    assert known.distinct[known.rung == 6].tolist() == [3]


def test_the_median_vote_of_reachability():
    """Half of the voters decide: two of three that succeed outvote one that fails a hundred times."""
    clock = Clock()
    target = windows(clock)
    add(target, observed([0] * 100, metric="availability", client=9))
    add(target, observed([1, 1], metric="availability", client=[1, 2]))
    row = network_row(target, clock)
    assert row.availability[0] < 0.02
    assert row.vote_availability[0] == pytest.approx(1, abs=0.01)


def test_batches_of_any_size_give_the_same():
    """One large add equals many small ones, also across the inner chunks."""
    clock = Clock()
    rng = np.random.default_rng(5)
    records = observed(
        rng.lognormal(4, 1, 10_000),
        unit=rng.integers(0, 500, 10_000),
        time=NOON - rng.uniform(0, 30 * HOUR, 10_000),
        client=rng.integers(0, 50, 10_000),
    )
    records["pop"] = np.array([b"a", b"b", b"c"])[rng.integers(0, 3, 10_000)]
    large, small = windows(clock), windows(clock)
    add(large, records)
    for first in range(0, 10_000, 777):
        add(small, records[first : first + 777])
    one, other = aggregate(large, clock), aggregate(small, clock)
    assert np.array_equal(one.key, other.key)
    assert np.array_equal(one.distinct, other.distinct)
    assert np.allclose(one.n, other.n, rtol=1e-5)
    assert np.mean(one.p50 == other.p50) > 0.999  # sums in another order may differ at a tie


def test_bounded_whatever_comes():
    """A flood of networks from everywhere leaves at most `max_cells` cells, the coarse rungs among them."""
    clock = Clock()
    target = windows(clock, max_cells=1000)
    rng = np.random.default_rng(6)
    for _ in range(10):
        add(target, observed([10] * 2000, unit=rng.integers(0, 1 << 24, 2000)))
    assert len(target) <= 1000
    assert target.evicted > 0
    known = aggregate(target, clock)
    assert known.n[known.rung == 6].tolist() == [20_000]


def test_a_restart_goes_on_as_if_it_had_not_been(tmp_path: Path):
    """Windows restored from a checkpoint equal those that never stopped, after more records and decay."""
    clock = Clock()
    rng = np.random.default_rng(8)
    target = windows(clock)
    first = observed(
        rng.lognormal(4, 1, 3000), unit=rng.integers(0, 300, 3000), client=rng.integers(0, 99, 3000)
    )
    add(target, first)
    add(target, observed([1, 0, 1], metric="availability", pop="pop-b"))
    clock.now += HOUR
    target.decay()
    path = tmp_path / "windows.ckpt"
    target.checkpoint(path, {"one": Mark(7, Position(3, 999))}, {"guard.count": np.arange(5)})
    kept = Windows.restore(path, 10_000, HALF_LIFE, clock)
    assert kept.marks == {"one": Mark(7, Position(3, 999))}
    assert kept.extra["guard.count"].tolist() == [0, 1, 2, 3, 4]
    clock.now += HOUR
    for one in (target, kept.windows):
        add(one, observed([55.5] * 9, pop="pop-c", time=clock.now))
        add(one, first)
        clock.now += 60
        one.decay()
        clock.now -= 60
    assert save(aggregate(kept.windows, clock)) == save(aggregate(target, clock))


def test_a_checkpoint_replaces_the_one_before(tmp_path: Path):
    """There is one file, and it is the last one."""
    clock = Clock()
    target = windows(clock)
    path = tmp_path / "windows.ckpt"
    target.checkpoint(path, {})
    add(target, observed([10]))
    target.checkpoint(path, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["windows.ckpt"]
    assert len(Windows.restore(path, 10, HALF_LIFE, clock).windows) == 6


def test_an_unusable_checkpoint_is_refused(tmp_path: Path):
    """None, damaged, or of other bins: an error of its own kind, never wrong windows."""
    path = tmp_path / "windows.ckpt"
    with pytest.raises(FileNotFoundError):
        Windows.restore(path)
    windows(Clock()).checkpoint(path, {})
    sound = read(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArraysError, match=str(path)):
        Windows.restore(path)
    path.write_bytes(pack(ArrayFile({**sound.facts, "bins": 7}, sound.arrays)))
    with pytest.raises(ArraysError, match="not windows of this version"):
        Windows.restore(path)
