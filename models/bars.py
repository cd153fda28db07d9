"""The full evaluation in one value, and whether the model is as good as it has to be.

The bars stand in docs/model-card.md with what the model reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.coverage import Coverage, coverage
from models.evaluate import (
    BOOSTING,
    MODEL,
    NEAREST,
    Nodes,
    all_estimators,
    compare,
    hold_out,
    random_worlds,
    within_light,
)
from models.score import Scores
from models.training import TrainingTable

NAMED: Final = "14-POP world"
RANDOM: Final = "random 14-POP worlds"
GEOIP: Final = "14-POP world, clients where GeoIP puts them"
GEOIP_LIGHT: Final = "14-POP world, clients where GeoIP puts them and light allows"

MOST_REGRET_MS: Final = 1.2
LEAST_WITHIN_10_MS: Final = 0.985
MOST_HARMED: Final = 0.03
INSIDE: Final = (0.88, 0.92)
MOST_GEOIP_RATIO: Final = 0.4


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`worlds` by title, the one with the bars first; `coverage` by title too, "all servers" among them."""

    worlds: Mapping[str, Scores]
    coverage: Mapping[str, Coverage]


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing the model has to reach, with the number it got."""

    text: str
    held: bool


def evaluate(
    table: TrainingTable, continents: Mapping[str, str], named: Nodes, shuffles: int, subsets: int
) -> Evaluation:
    """Return the evaluation on all worlds: `named`, each provider's servers, all clouds', random sets."""
    rounds = [hold_out(table, continents, all_estimators(), seed=seed) for seed in range(shuffles)]
    true, geoip = [pair[0] for pair in rounds], [pair[1] for pair in rounds]
    worlds = {NAMED: [np.sort(named)], **_clouds(table), RANDOM: random_worlds(table, subsets)}
    scores = {title: compare(table, true, sets) for title, sets in worlds.items()}
    scores[GEOIP] = compare(table, geoip, worlds[NAMED])
    light = [one.among(within_light(table)) for one in geoip]
    scores[GEOIP_LIGHT] = compare(table, light, worlds[NAMED])
    covered = {title: coverage(table, true, np.concatenate(sets)) for title, sets in worlds.items()}
    return Evaluation(scores, {"all servers": coverage(table, true)} | covered)


def _clouds(table: TrainingTable) -> dict[str, list[Nodes]]:
    """Return the regions of each provider and of all of them, where there are at least two."""
    provider = np.where(table.is_server, table.sites.provider, "")
    sets = {
        f"{name} regions": np.flatnonzero(provider == name) for name in sorted({*provider.tolist()} - {""})
    }
    sets["cloud regions"] = np.flatnonzero(provider != "")
    return {title: [nodes] for title, nodes in sets.items() if len(nodes) > 1}


def bars(evaluation: Evaluation) -> Sequence[Bar]:
    """Return every bar, held or not."""
    return [Bar(text, held) for text, held in _bars(evaluation)]


def _bars(evaluation: Evaluation) -> Iterator[tuple[str, bool]]:
    named = evaluation.worlds[NAMED]
    model = named.by_name[MODEL]
    regret = f"{NAMED}: mean regret {model.regret_ms:.2f} ms (at most {MOST_REGRET_MS})"
    yield regret, model.regret_ms <= MOST_REGRET_MS
    within = f"{NAMED}: {model.within_10_ms:.2%} within 10 ms (at least {LEAST_WITHIN_10_MS:.1%})"
    yield within, model.within_10_ms >= LEAST_WITHIN_10_MS
    for title, scores in evaluation.worlds.items():
        model = scores.by_name[MODEL]
        least = min(scores.by_name[name].regret_ms for name in scores.against)
        yield f"{title}: {model.regret_ms:.2f} ms, best baseline {least:.2f} ms", model.regret_ms < least
        harmed = f"{model.harmed:.2%} worse than nearest by more than 5 ms"
        yield f"{title}: {harmed} (at most {MOST_HARMED:.0%})", model.harmed <= MOST_HARMED
        gain = scores.against[BOOSTING].gain_ms
        text = f"{title}: gain over {BOOSTING} {gain.low:.2f} to {gain.high:.2f} ms (95 %; all above 0)"
        yield text, gain.low > 0
    for title, covered in evaluation.coverage.items():
        inside = covered.inside
        text = f"{title}: 90 % interval covers {inside:.1%} ({INSIDE[0]:.0%} to {INSIDE[1]:.0%})"
        yield text, INSIDE[0] <= inside <= INSIDE[1]
    for title in (GEOIP, GEOIP_LIGHT):
        ratio = evaluation.worlds[title].against[NEAREST].ratio.value
        text = f"{title}: {ratio:.2f} x nearest's regret (at most {MOST_GEOIP_RATIO})"
        yield text, ratio <= MOST_GEOIP_RATIO
