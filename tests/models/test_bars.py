from __future__ import annotations

from dataclasses import replace

import pytest

from models.bars import GEOIP, GEOIP_LIGHT, NAMED, RANDOM, Evaluation, bars
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
    """Return one in which these worlds differ from what reaches every bar, and the last world's coverage."""
    covered, last = (Coverage(((1 - one) / 2, 0.25, 0.5, 0.75, (1 + one) / 2), 100) for one in (0.9, inside))
    titles = {"named": NAMED, "aws": "aws regions", "geoip": GEOIP, "light": GEOIP_LIGHT}
    told = {title: worlds.get(name, scores()) for name, title in titles.items()}
    return Evaluation(told, {"all servers": covered, NAMED: covered, RANDOM: last})


def failed(of: Evaluation) -> list[str]:
    return [bar.text for bar in bars(of) if not bar.held]


def test_what_reaches_every_bar_exactly_holds() -> None:
    """Bars are reached from the right side, ends included."""
    assert failed(evaluation()) == []
    assert len(bars(evaluation())) == 2 + 4 * 3 + 3 + 2


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (evaluation(named=scores(replace(GOOD, regret_ms=1.3))), "mean regret 1.30 ms"),
        (evaluation(named=scores(replace(GOOD, within_10_ms=0.98))), "98.00% within 10 ms"),
        (evaluation(named=scores(replace(GOOD, harmed=0.04))), "4.00% worse than nearest"),
        (evaluation(named=scores(least_gain=-0.1)), "gain over plain boosting -0.10"),
        (evaluation(aws=scores(least_gain=-0.1)), "aws regions: gain over plain boosting -0.10"),
        (evaluation(geoip=scores(ratio=0.7)), f"{GEOIP}: 0.70 x nearest's"),
        (evaluation(light=scores(ratio=0.5)), f"{GEOIP_LIGHT}: 0.50 x nearest's"),
        (evaluation(light=scores(replace(GOOD, regret_ms=1.5))), "1.50 ms, best baseline 1.50 ms"),
        (evaluation(inside=0.87), f"{RANDOM}: 90 % interval covers 87.0%"),
        (evaluation(inside=0.93), "covers 93.0%"),
    ],
)
def test_each_bar_fails_alone_and_says_by_how_much(of: Evaluation, word: str) -> None:
    """One number out of its bounds is one bar that does not hold."""
    (text,) = failed(of)
    assert word in text
