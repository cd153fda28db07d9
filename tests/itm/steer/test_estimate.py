from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itm.steer.estimate import Estimate, Floats, Measured, from_prediction, refine


def floats(*rows: list[float]) -> Floats:
    return np.array(rows, dtype=np.float32)


def predicted(*p50: float) -> Estimate:
    row = floats(list(p50))
    return from_prediction(row * np.float32(0.9), row, row * np.float32(1.2))


def measured(n: list[float], p25: list[float], distinct: int = 6) -> Measured:
    nothing = Measured.nothing(1, len(n))
    who = np.array([[distinct if x else 0 for x in n]], dtype=np.int32)
    p = floats(p25)
    ends = p * np.float32(0.95), p * np.float32(1.1)
    high = p * np.float32(1.4)
    return Measured(floats(n), who, p, *ends, p, p, high, nothing.availability, nothing.availability_n)


def test_the_more_samples_the_nearer_to_what_was_measured() -> None:
    """The estimate moves from the prediction to the measurement as samples come in."""
    got = [float(refine(predicted(100, 50), measured([n, 0], [200, 0])).rtt[0, 0]) for n in (0, 5, 20, 500)]
    assert got[0] == 100
    assert got == sorted(got)
    assert 195 < got[-1] < 200


def test_samples_weigh_n_over_n_plus_k_in_log_space() -> None:
    """Six samples against k = 2 weigh three quarters: 50 x 4 ^ 0.75."""
    got = refine(predicted(50, 10), measured([6, 0], [200, 0]))
    assert float(got.rtt[0, 0]) == pytest.approx(141.42, rel=1e-4)
    assert got.origin(0, 0, placed=True) == "blended"


def test_a_last_mile_that_all_measured_pops_share_is_added_to_the_others() -> None:
    """Two POPs measured 20 and 30 ms slower than predicted: the unmeasured third is expected 20 ms slower."""
    got = refine(predicted(10, 20, 25), measured([50, 50, 0], [30, 50, 0]))
    assert float(got.access_ms[0]) == 20
    assert float(got.rtt[0, 2]) == 45


def test_one_slow_pop_alone_says_nothing_about_the_last_mile() -> None:
    """With a single POP measured, a slow path and a slow last mile look alike: nothing is added elsewhere."""
    got = refine(predicted(10, 20), measured([50, 0], [90, 0]))
    assert float(got.rtt[0, 1]) == 20


def test_a_row_estimated_alone_equals_the_row_in_a_batch() -> None:
    """Bit for bit: `why` and the build must never differ."""
    rng = np.random.default_rng(7)
    p50 = rng.uniform(1, 300, (257, 30)).astype(np.float32)
    n = rng.integers(0, 60, p50.shape).astype(np.float32)
    p25 = (p50 * rng.uniform(0.5, 3, p50.shape)).astype(np.float32)
    nothing = Measured.nothing(*p50.shape)
    who = np.where(n > 0, 6, 0).astype(np.int32)
    ends = (p25 * np.float32(share) for share in (0.95, 1.1, 0.9, 1.2, 1.3))
    all_measured = Measured(n, who, p25, *ends, nothing.availability, nothing.availability_n)
    batch = refine(from_prediction(p50, p50, p50), all_measured)
    for row in range(0, 257, 16):
        one = p50[[row]]
        alone = refine(from_prediction(one, one, one), all_measured.take(np.array([row])))
        assert np.array_equal(alone.rtt[0], batch.rtt[row])
        assert np.array_equal(alone.high[0], batch.high[row])
        assert np.array_equal(alone.unsteady_ms[0], batch.unsteady_ms[row])


def test_what_voters_leave_open_stays_as_it_was() -> None:
    """Inside the bounds of the vote the estimate above holds, outside it moves to the nearer bound."""
    row = replace(
        measured([5000, 5000, 5000], [60, 60, 60]), least=floats([40, 40, 40]), most=floats([80] * 3)
    )
    assert refine(predicted(50, 30, 90), row).rtt[0].tolist() == pytest.approx([50, 40, 80], rel=1e-3)


def test_the_interval_is_that_of_the_measurement_and_shrinks_like_it() -> None:
    """Six samples weigh three quarters in the ends as well; a POP not measured keeps what was predicted."""
    got = refine(predicted(50, 10), measured([6, 0], [200, 0]))
    assert got.low[0].tolist() == pytest.approx([45**0.25 * 190**0.75, 9], rel=1e-4)
    assert got.high[0].tolist() == pytest.approx([60**0.25 * 220**0.75, 12], rel=1e-4)


@pytest.mark.parametrize(
    ("p75", "n", "tail"),
    [
        ([25, 130], 20, [0, 85]),  # 100 ms apart where 5 are usual: 85 beyond the tolerance
        ([25, 44], 20, [0, 0]),  # 14 ms apart are nothing yet
        ([80, 90], 20, [0, 0]),  # the access of everybody there scatters
        ([25, 130], 9, [0, 0]),  # nine samples say little of a tail
    ],
)
def test_a_bad_tail_costs_what_is_unusual_in_it(p75: list[float], n: float, tail: list[float]) -> None:
    """What spreads all POPs of the row alike is no POP's fault."""
    row = replace(measured([n, n], [20, 30]), p75=floats(p75))
    assert refine(predicted(20, 30), row).unsteady_ms[0].tolist() == pytest.approx(tail)


def test_where_an_estimate_came_from() -> None:
    """Origins are the glossary's four words."""
    got = refine(predicted(10, 20), measured([500, 0], [12, 0]))
    assert got.origin(0, 0, placed=True) == "measured"
    assert got.origin(0, 1, placed=True) == "predicted"
    assert got.origin(0, 1, placed=False) == "prior"
