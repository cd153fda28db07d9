import numpy as np
import pytest

from collectors.distinct import (
    EMPTY,
    MAX_VOTE,
    K,
    count,
    median_vote,
    merge,
    packed,
    unpacked,
    upper_vote,
    vote_bounds,
    voters,
)


def nothing(cells: int) -> np.ndarray:
    return np.full((cells, K), EMPTY)


def said(hashes: np.ndarray, votes: int | np.ndarray) -> np.ndarray:
    hashes = hashes.astype(np.uint32)
    return voters(hashes, np.zeros_like(hashes), np.broadcast_to(votes, len(hashes)))


@pytest.mark.parametrize("clients", range(K))
def test_few_clients_are_counted_exactly(clients: int):
    """Below K the count is the number of different hashes, however often each comes and in which batches."""
    rng = np.random.default_rng(clients)
    smallest = nothing(3)
    hashes = said(rng.integers(0, EMPTY, clients, dtype=np.uint32), 7)
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
        merge(smallest, np.arange(300), said(rng.integers(0, EMPTY, 300, dtype=np.uint32), 7))
    counted = count(smallest)
    assert counted.mean() == pytest.approx(clients, rel=0.1)
    assert np.mean(np.abs(counted / clients - 1) <= 0.3) > 0.66


def test_rows_are_those_of_a_plain_set():
    """Whatever batches hashes come in, a row holds the K smallest different ones of its cell."""
    rng = np.random.default_rng(1)
    smallest, sets = nothing(20), [set() for _ in range(20)]
    for size in (1, 50, 0, 400, 400):
        rows, hashes = rng.integers(0, 20, size), said(rng.integers(0, 200, size, dtype=np.uint32) << 16, 9)
        merge(smallest, rows, hashes)
        for row, value in zip(rows.tolist(), hashes.tolist(), strict=True):
            sets[row].add(value)
    for row, seen in zip(smallest.tolist(), sets, strict=True):
        assert [value for value in row if value != EMPTY] == sorted(seen)[:K]


def test_packing_and_unpacking():
    """Rows come back as they were: empty, partly filled, full."""
    smallest = nothing(3)
    merge(smallest, np.array([0, 0, *[2] * 40]), said(np.array([5, 3, *range(100, 140)], np.uint32) << 16, 1))
    used, hashes = packed(smallest)
    assert used.tolist() == [2, 0, K]
    assert np.array_equal(unpacked(used, hashes), smallest)
    assert len(unpacked(*packed(nothing(0)))) == 0


def one_cell(*batches: list[tuple[int, int]]) -> np.ndarray:
    """Return a row that heard batches of (voter, vote)."""
    smallest = nothing(1)
    for batch in batches:
        who, votes = np.array(batch).T
        merge(smallest, np.zeros(len(batch), np.int64), said(who << 16, votes))
    return smallest


def test_a_voter_has_the_median_of_its_batch():
    """However much it says at once, in any order, one voter has one vote: the middle of what it said."""
    spoke = one_cell([(1, 30), (2, 50), (1, 90), (1, 31), (2, 52), (2, 10)])
    assert (spoke[0, :2] & 0xFF).tolist() == [31, 50]


def test_a_vote_moves_halfway_to_each_later_batch():
    """An outlier is forgotten by half with each batch after it; halves lead nowhere by themselves."""
    votes = []
    for length in range(1, 6):
        row = one_cell(*[[(1, vote)] for vote in (20, 120, 20, 20, 20)[:length]])
        votes.append(int(row[0, 0] & 0xFF))
    assert votes == [20, 70, 45, 32, 26]
    assert one_cell(*[[(1, 20 + step % 2)] for step in range(100)])[0, 0] & 0xFF in (20, 21)


def test_the_median_vote_is_of_voters_not_of_records():
    """Three that talk little outvote one that never stops; it moves with every voter, not by whole steps."""
    few = [(voter, 40) for voter in range(2, 5)]
    assert median_vote(one_cell([*few, *[(1, 200)] * 1000])).tolist() == pytest.approx([40], abs=0.5)
    assert median_vote(one_cell([(n, 40 + n // 5) for n in range(10)])).tolist() == [40.5]
    assert median_vote(one_cell([(n, 40 + n // 8) for n in range(10)])).tolist() == [40.125]
    assert np.isnan(median_vote(nothing(1))[0])
    full = one_cell([(voter, MAX_VOTE if voter % 4 else 3) for voter in range(64)])
    assert median_vote(full).tolist() == [pytest.approx(MAX_VOTE, abs=0.5)]


def test_the_median_vote_is_near_the_true_median_of_medians():
    """Against a plain reckoning over hundreds of clients with many records in many batches: few bins off."""
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(200):
        own = rng.normal(60, 4, 300)
        smallest, heard = nothing(1), [[] for _ in own]
        hashes = rng.integers(0, EMPTY, len(own), dtype=np.uint32)
        for _ in range(5):
            who = rng.integers(0, len(own), 400)
            votes = np.clip(rng.normal(own[who], 3), 0, MAX_VOTE).astype(int)
            merge(smallest, np.zeros(len(who), np.int64), said(hashes[who], votes))
            for client, vote in zip(who.tolist(), votes.tolist(), strict=True):
                heard[client].append(vote)
        errors.append(float(median_vote(smallest)[0]) - np.median([np.median(h) for h in heard if h]))
    assert abs(np.mean(errors)) < 0.3
    assert np.std(errors) < 2.0  # 16 of 300: 1.25 x 4 / 4, and what halving adds


@pytest.mark.parametrize(
    ("liars", "of", "expected"),
    [(9, 16, (40, 200)), (11, 16, (40, 200)), (12, 16, (200, 200)), (6, 8, (40, 200)), (7, 8, (200, 200))],
)
def test_a_sample_of_voters_leaves_their_median_open(liars: int, of: int, expected: tuple[int, int]) -> None:
    """More than half of a sample is no proof: only as many as a bad draw does not explain."""
    cast = [(n << 8, 200 if n < liars else 40) for n in range(of)]
    assert vote_bounds(one_cell(cast)).ravel().tolist() == list(expected)


def test_the_median_of_all_lies_beyond_an_end_in_one_sample_of_twenty_at_most() -> None:
    """Of samples of sixteen of a thousand voters, whatever their votes are distributed like."""
    rng = np.random.default_rng(5)
    own = np.minimum(rng.geometric(0.02, 1000), MAX_VOTE)
    beyond = np.zeros(2)
    for _ in range(500):
        hashes = rng.integers(0, EMPTY, len(own), dtype=np.uint32)
        smallest = nothing(1)
        merge(smallest, np.zeros(len(own), np.int64), said(hashes, own))
        low, high = vote_bounds(smallest)[:, 0]
        beyond += (low > np.median(own), high < np.median(own))
    assert (beyond / 500 < 0.06).all()
    assert np.isnan(vote_bounds(nothing(1))).all()


@pytest.mark.parametrize(
    ("of", "slow", "expected"),
    [(5, 2, 40), (5, 3, 200), (8, 3, 40), (8, 4, 200), (16, 5, 40), (16, 6, 200)],
)
def test_a_tail_is_what_liars_alone_do_not_make(of: int, slow: int, expected: int) -> None:
    """A tenth of liars is three of five, four of eight or six of sixteen in one draw of a hundred at most."""
    cast = [(n << 8, 200 if n < slow else 40) for n in range(of)]
    assert upper_vote(one_cell(cast)).tolist() == [expected]
    assert np.isnan(upper_vote(nothing(1))).all()


def test_for_a_network_speaks_the_client_of_the_lowest_rank() -> None:
    """Neither the loudest nor the last: whoever has the lowest rank, in whatever batches they come."""
    spoke = [(9 << 24, 200)] * 50 + [(3 << 24, 40)] + [(200 << 24, 250)] * 20
    whole, parts = nothing(1), nothing(1)
    for target, step in ((whole, len(spoke)), (parts, 7)):
        for first in range(0, len(spoke), step):
            ranks, votes = np.array(spoke[first : first + step]).T
            same = np.full(len(ranks), 1 << 16, np.uint32)
            merge(target, np.zeros(len(ranks), np.int64), voters(same, ranks.astype(np.uint32), votes))
    assert count(whole).tolist() == count(parts).tolist() == [1]
    assert median_vote(whole).tolist() == median_vote(parts).tolist() == [40]
