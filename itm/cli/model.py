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
from models import artifact, training, world
from models.bars import Bar, Evaluation, bars, evaluate
from models.evaluate import ROUND_ROBIN
from models.latency import LEVELS, LatencyModel
from models.score import Scores
from models.train import check, data_digest, train

WORLD: Final = ROOT / "data" / "world14" / "pops.csv"


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
    table = training.load(Path(config.model.training))
    named = world.load(args.world, table).node
    evaluation = evaluate(table, continents(), named, args.shuffles, args.subsets)
    reached = bars(evaluation)
    print("\n".join(_report(evaluation, reached)))
    if args.json is not None:
        args.json.write_text(json.dumps(_numbers(evaluation, reached), indent=1, allow_nan=False) + "\n")
    return 0 if all(bar.held for bar in reached) else 1


def _report(evaluation: Evaluation, reached: Sequence[Bar]) -> Iterator[str]:
    for title, scores in evaluation.worlds.items():
        counted = f"{scores.clients} clients, {scores.rounds} shuffles of 5 folds"
        yield from _table(
            f"{title}: {counted}" + (f", {scores.worlds} sets" if scores.worlds > 1 else ""), scores
        )
        yield ""
    yield f"{'held-out round trips below':28}" + "".join(f"{f'p{level:.0%}'[:-1]:>8}" for level in LEVELS)
    for title, covered in evaluation.coverage.items():
        shares = "".join(f"{share:8.1%}" for share in covered.below)
        yield f"{title:28}{shares}   inside the 90 % interval {covered.inside:.1%} of {covered.pairs:,}"
    yield ""
    for bar in reached:
        yield f"{'pass' if bar.held else 'FAIL'}  {bar.text}"


def _table(title: str, scores: Scores) -> Iterator[str]:
    yield title
    yield f"{'':15}{'regret':>8}{'p90':>8}{'p99':>8}{'<=10 ms':>9}{'<=25 ms':>9}{'harmed':>8}{'|error|':>9}"
    for name, value in scores.by_name.items():
        error = "-" if math.isnan(value.error_ms) else f"{value.error_ms:.1f}"
        yield (
            f"{name:15}{value.regret_ms:8.2f}{value.regret_p90_ms:8.1f}{value.regret_p99_ms:8.1f}"
            f"{value.within_10_ms:9.1%}{value.within_25_ms:9.1%}{value.harmed:8.1%}{error:>9}"
        )
    for name, other in scores.against.items():
        if name != ROUND_ROBIN:
            ratio, gain = other.ratio, other.gain_ms
            share = f"{ratio.value:.3f} of its regret ({ratio.low:.3f} to {ratio.high:.3f})"
            less = f"{gain.value:.2f} ms less ({gain.low:.2f} to {gain.high:.2f})"
            yield f"model against {name}: {share}, {less}"


def _numbers(evaluation: Evaluation, reached: Sequence[Bar]) -> dict[str, Any]:
    return {
        "worlds": {title: _scores(scores) for title, scores in evaluation.worlds.items()},
        "coverage": {
            title: {"levels": LEVELS, **asdict(covered), "inside": covered.inside}
            for title, covered in evaluation.coverage.items()
        },
        "parameters": LatencyModel().get_params(),
        "versions": dict(artifact.current_versions()),
        "bars": [{"bar": bar.text, "held": bar.held} for bar in reached],
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
