"""`itm model train|evaluate|show|drift`: the latency predictor, its numbers and its artifact."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from collectors.geography import continents
from itm.cli import drift, settings
from itm.config import ROOT, Config
from models import artifact, evaluate, training, world
from models.coverage import Coverage, coverage
from models.latency import LatencyModel
from models.score import Scores
from models.train import check, data_digest, train

WORLD: Final = ROOT / "data" / "world14" / "pops.csv"

MOST_RATIO: Final = 0.35
MOST_RATIO_HIGH: Final = 0.65
LEAST_WITHIN_10_MS: Final = 0.975
"""The bars of docs/model-card.md, on the 14-POP world."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    training_ = actions.add_parser("train", help="check against the baselines, train, write the artifact")
    training_.set_defaults(act=_train)
    evaluation = actions.add_parser("evaluate", help="the full evaluation on networks never seen")
    evaluation.add_argument("--shuffles", type=_positive, default=20, help="of the five folds (20)")
    evaluation.add_argument("--subsets", type=_positive, default=50, help="random 14-POP worlds (50)")
    evaluation.add_argument("--world", type=Path, default=WORLD, help="POPs and their nodes (CSV)")
    evaluation.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    evaluation.set_defaults(act=_evaluate)
    shown = actions.add_parser("show", help="what the current artifact is")
    shown.set_defaults(act=_show)
    drifting = actions.add_parser("drift", help="what the running server's predictor is worth on live data")
    drifting.set_defaults(act=lambda given, _: drift.show(given))
    drift.configure(drifting)
    for action in (training_, evaluation, shown):
        settings.configure(action)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises `ModelError` for a bad table, a bad artifact and a model that is refused."""
    act: Callable[[argparse.Namespace, Config], int] = args.act
    return act(args, settings.config_of(args))


def artifact_path(config: Config) -> Path:
    """Return where the server keeps its predictor."""
    return config.state_dir / "predictor.skops"


def _train(_: argparse.Namespace, config: Config) -> int:
    table, geography = training.load(Path(config.model.training)), continents()
    scores = check(table, geography)
    print("\n".join(_table("Quick check: 3 folds, random 14-POP worlds", scores)))
    started = time.monotonic()
    predictor = train(table, geography)
    path = artifact_path(config)
    artifact.save(predictor, path)
    print(f"\ntrained in {time.monotonic() - started:.1f} s: {path}, digest {predictor.digest[:16]}")
    return 0


def _show(_: argparse.Namespace, config: Config) -> int:
    table, path = training.load(Path(config.model.training)), artifact_path(config)
    if not path.exists():
        print(f"no artifact at {path}: `itm model train` or the server's first start writes it")
        return 1
    predictor = artifact.load(path, data_digest(table, continents()))
    versions = ", ".join(f"{name} {number}" for name, number in predictor.versions.items())
    parameters = ", ".join(f"{name}={value}" for name, value in predictor.model.get_params().items())
    print(f"artifact    {path} ({path.stat().st_size:,} bytes)")
    print(f"digest      {predictor.digest}")
    print(f"data        {predictor.data_digest}")
    print(f"trained     {datetime.fromtimestamp(predictor.trained_at, UTC):%Y-%m-%d %H:%M:%S} UTC")
    print(f"with        {versions}")
    print(f"parameters  {parameters}")
    return 0


def _evaluate(args: argparse.Namespace, config: Config) -> int:
    table, geography = training.load(Path(config.model.training)), continents()
    rounds = [
        evaluate.hold_out(table, geography, evaluate.estimators(), seed=seed) for seed in range(args.shuffles)
    ]
    named = evaluate.compare(table, rounds, [world.load(args.world, table).node])
    drawn = evaluate.compare(table, rounds, evaluate.random_worlds(table, args.subsets))
    quantiles = coverage(table, geography)
    print("\n".join(_report(named, drawn, quantiles)))
    if args.json is not None:
        numbers = json.dumps(_numbers(named, drawn, quantiles), indent=1, allow_nan=False)
        args.json.write_text(numbers + "\n")
    evaluate.refuse_unless_better(named)
    evaluate.refuse_unless_better(drawn)
    return 0 if all(held for _, held in _bars(named)) else 1


def _report(named: Scores, drawn: Scores, quantiles: Coverage) -> Iterator[str]:
    yield from _table(f"14-POP world: {named.rounds} shuffles of 5 folds, {named.clients} clients", named)
    yield ""
    yield from _table(f"{drawn.worlds} random 14-POP worlds: {drawn.rounds} shuffles of 5 folds", drawn)
    yield ""
    shares = (quantiles.below_p25, quantiles.below_p50, quantiles.below_p75)
    below = ", ".join(
        f"{name} {share:.1%}" for name, share in zip(("p25", "p50", "p75"), shares, strict=True)
    )
    yield f"Held-out round trips below {below} ({quantiles.pairs:,} pairs)"
    for text, held in _bars(named):
        yield f"{'pass' if held else 'FAIL'}  {text}"


def _table(title: str, scores: Scores) -> Iterator[str]:
    yield title
    yield f"{'':14}{'regret':>8}{'p90':>8}{'p99':>8}{'<=10 ms':>9}{'<=25 ms':>9}{'|error|':>9}"
    for name, value in scores.by_name.items():
        error = "-" if math.isnan(value.error_ms) else f"{value.error_ms:.1f}"
        yield (
            f"{name:14}{value.regret_ms:8.2f}{value.regret_p90_ms:8.1f}{value.regret_p99_ms:8.1f}"
            f"{value.within_10_ms:9.1%}{value.within_25_ms:9.1%}{error:>9}"
        )
    ratio = scores.against_nearest
    yield f"model / nearest: {ratio.ratio:.3f} (95 % interval {ratio.low:.3f} to {ratio.high:.3f})"


def _bars(named: Scores) -> Sequence[tuple[str, bool]]:
    ratio, within = named.against_nearest, named.by_name[evaluate.MODEL].within_10_ms
    return (
        (f"mean regret {ratio.ratio:.3f} x nearest's (at most {MOST_RATIO})", ratio.ratio <= MOST_RATIO),
        (f"upper end {ratio.high:.3f} (at most {MOST_RATIO_HIGH})", ratio.high <= MOST_RATIO_HIGH),
        (f"{within:.1%} within 10 ms (at least {LEAST_WITHIN_10_MS:.1%})", within >= LEAST_WITHIN_10_MS),
    )


def _numbers(named: Scores, drawn: Scores, quantiles: Coverage) -> dict[str, Any]:
    return {
        "world14": _scores(named),
        "random_worlds": _scores(drawn),
        "coverage": asdict(quantiles),
        "parameters": LatencyModel().get_params(),
        "versions": dict(artifact.current_versions()),
        "bars": [{"bar": text, "held": held} for text, held in _bars(named)],
    }


def _scores(scores: Scores) -> dict[str, Any]:
    numbers = asdict(scores)
    for values in numbers["by_name"].values():  # JSON has no NaN: round robin estimates nothing
        values["error_ms"] = None if math.isnan(values["error_ms"]) else values["error_ms"]
    return numbers


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number
