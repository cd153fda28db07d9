from __future__ import annotations

from dataclasses import replace

import pytest

from models.bars import GEOIP_LIGHT, NAMED, Evaluation, bars
from models.coverage import Coverage
from models.evaluate import BOOSTING, MODEL, NEAREST
from models.score import Against, Interval, Score, Scores

GOOD = Score(1.2, 0, 0, 0.985, 1, 0.03, 10)


def scores(model: Score = GOOD, least_gain: float = 0.1, ratio: float = 0.4) -> Scores:
    """Return a world in which the model has that score, gain and ratio."""
    one = Against(Interval(ratio, 0, 1), Interval(0.5, least_gain, 1))
    other = replace(GOOD, regret_ms=1.5)
    return Scores({MODEL: model, NEAREST: other, BOOSTING: other}, {NEAREST: one, BOOSTING: one}, 10, 1, 1)


def evaluation(inside: float = 0.9, **worlds: Scores) -> Evaluation:
    named = worlds.get("named", scores())
    light = worlds.get("light", scores())
    low, high = (1 - inside) / 2, (1 + inside) / 2
    covered = Coverage((low, 0.25, 0.5, 0.75, high), 100)
    return Evaluation({NAMED: named, GEOIP_LIGHT: light}, {"all servers": covered})


def failed(of: Evaluation) -> list[str]:
    return [bar.text for bar in bars(of) if not bar.held]


def test_what_reaches_every_bar_exactly_holds() -> None:
    """Bars are reached from the right side, ends included."""
    assert failed(evaluation()) == []
    assert len(bars(evaluation())) == 9


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (evaluation(named=scores(replace(GOOD, regret_ms=1.3))), "mean regret 1.30 ms"),
        (evaluation(named=scores(replace(GOOD, within_10_ms=0.98))), "98.00% within 10 ms"),
        (evaluation(named=scores(replace(GOOD, harmed=0.04))), "4.00% worse than nearest"),
        (evaluation(named=scores(least_gain=-0.1)), "gain over plain boosting -0.10"),
        (evaluation(light=scores(ratio=0.5)), "0.50 x nearest's"),
        (evaluation(light=scores(replace(GOOD, regret_ms=1.5))), "1.50 ms, best baseline 1.50 ms"),
        (evaluation(inside=0.87), "covers 87.0%"),
        (evaluation(inside=0.93), "covers 93.0%"),
    ],
)
def test_each_bar_fails_alone_and_says_by_how_much(of: Evaluation, word: str) -> None:
    """One number out of its bounds is one bar that does not hold."""
    (text,) = failed(of)
    assert word in text
