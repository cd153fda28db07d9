"""Drift is told for certain or not at all; the last mile, a bad draw and one slow POP are no drift."""

from __future__ import annotations

import numpy as np
import pytest

from models.drift import Live, drift, errors, interval, regrets

POPS = {"pop": ["a", "b", "c", "d"], "provider": ["x", "x", "y", ""]}


def live(places: int = 60, noise_ms: float = 2.0, access_ms: float = 20.0, seed: int = 1) -> Live:
    """Return places whose POPs are 10 to 100 ms away, as the predictor says but for noise and last mile."""
    rng = np.random.default_rng(seed)
    km = rng.uniform(500, 5000, (places, 4))
    p50 = km / 100 * 1.5 + 2
    said = np.stack([p50 - noise_ms * 0.674, p50, p50 + noise_ms * 0.674])
    rtt = p50 + rng.normal(0, noise_ms, p50.shape) + access_ms
    rtt[rng.random(rtt.shape) < 0.2] = np.nan
    rtt[:, :2] = np.where(np.isfinite(rtt[:, :2]), rtt[:, :2], p50[:, :2] + access_ms)
    return Live(rtt, said, km, np.arange(places) // 3)


def of_place(one: Live) -> dict[str, list[str]]:
    return {"continent": ["EU" if place % 2 else "AS" for place in range(len(one))]}


def judged(one: Live) -> tuple[str, str]:
    report = drift(one, POPS, of_place(one))
    return report.verdict, "; ".join(report.reasons)


def test_a_predictor_that_is_right_is_sound() -> None:
    """Whatever the last mile adds to all POPs alike."""
    report = drift(one := live(), POPS, of_place(one))
    assert (report.verdict, report.reasons) == ("sound", ())
    assert report.error_ms.low <= report.error_ms.value <= report.error_ms.high < 2
    assert report.signed_ms[0] < 0 < report.signed_ms[2]
    assert 0.4 < report.below[2] - report.below[0] < 0.75
    assert report.regret_ms.value < 0.5
    assert report.nearest_ms == pytest.approx(report.regret_ms.value)  # here the nearest is predicted best
    assert [(part.kind, part.name) for part in report.parts if part.kind != "pop"] != []
    assert not any(part.is_off for part in report.parts)
    assert sum(part.cells for part in report.parts if part.kind == "pop") == report.cells


def test_a_last_mile_is_never_negative_and_has_an_end() -> None:
    """A place that is faster than said is an error of the predictor, and so is one 200 ms slower."""
    one = live(noise_ms=0.01, access_ms=0)
    assert np.nanmax(np.abs(errors(Live(one.rtt_ms + 50, one.said, one.km, one.group)))) < 1
    assert np.nanmean(errors(Live(one.rtt_ms + 200, one.said, one.km, one.group))) == pytest.approx(
        120, abs=1
    )
    assert np.nanmean(errors(Live(one.rtt_ms * 0.5, one.said, one.km, one.group))) < -10


def test_shuffled_predictions_have_drifted() -> None:
    """Errors, choice and intervals all say so, and that the nearest would be better."""
    one = live(90)
    said = one.said[:, :, [2, 3, 0, 1]]
    verdict, reasons = judged(Live(one.rtt_ms, said, one.km, one.group))
    assert verdict == "drifted"
    for words in ("the typical error is", "its choice loses", "the nearest POP is better", "p25 to p75 hold"):
        assert words in reasons


def test_intervals_that_hold_too_little_have_drifted() -> None:
    """Also where the choice is right."""
    one = live()
    narrow = np.stack([one.said[1] - 0.1, one.said[1], one.said[1] + 0.1])
    verdict, reasons = judged(Live(one.rtt_ms, narrow, one.km, one.group))
    assert verdict == "drifted"
    assert reasons.startswith("p25 to p75 hold")


def test_a_slow_pop_is_named_and_the_model_is_not_blamed() -> None:
    """As is its provider; the median over POPs keeps the others' errors small."""
    one = live(120)
    rtt = one.rtt_ms.copy()
    rtt[:, 2] += 40
    report = drift(Live(rtt, one.said, one.km, one.group), POPS, of_place(one))
    off = {(part.kind, part.name): part.error_ms for part in report.parts if part.is_off}
    assert list(off) == [("pop", "c"), ("provider", "y")]
    assert off["pop", "c"] > 25


@pytest.mark.parametrize(("places", "group"), [(29, 1), (90, 12)])
def test_few_places_or_ases_make_no_verdict(places: int, group: int) -> None:
    """However wrong the predictor is; the numbers say how many there were."""
    one = live(places)
    verdict, reasons = judged(Live(one.rtt_ms, one.said * 9, one.km, np.arange(places) // group))
    assert verdict == "too few"
    assert reasons.startswith(f"{places} places measured two POPs or more, in {-(-places // group)} ASes")
    empty = Live(np.zeros((0, 4)), np.zeros((3, 0, 4)), np.zeros((0, 4)), np.zeros(0, np.int64))
    assert judged(empty)[0] == "too few"


def test_regret_is_of_pops_that_were_measured() -> None:
    """A POP that nobody measured is not chosen, whatever is said of it."""
    said = np.array([[[5.0, 20.0, 30.0, 40.0]]] * 3)
    one = Live(
        np.array([[np.nan, 50.0, 45.0, 90.0]]), said, np.array([[1.0, 9.0, 8.0, 2.0]]), np.zeros(1, np.int64)
    )
    chosen, nearest = regrets(one)
    assert (chosen.tolist(), nearest.tolist()) == ([5.0], [45.0])


def test_an_as_counts_as_one_draw() -> None:
    """A thousand places of one AS make no interval narrow."""
    rng = np.random.default_rng(3)
    of_as = rng.normal(10, 5, 12)
    alone = interval(of_as, np.arange(12))
    many = interval(np.repeat(of_as, 100), np.repeat(np.arange(12), 100))
    assert many.high - many.low == pytest.approx(alone.high - alone.low, rel=0.01)
