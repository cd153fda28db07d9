"""`itm step list|test`: operators' own steps, what is installed, and what one does to the present world."""

from __future__ import annotations

import argparse
import json
from importlib.metadata import entry_points

from itm.catalog.types import OWN_PREFIX, Service
from itm.cli import settings
from itm.cli.columns import columns
from itm.config import Config
from itm.errors import ItmError
from itm.routemap import current
from itm.steer import inputs as inputs_file
from itm.steer.givens import Givens
from itm.steer.own.child import GROUP
from itm.steer.own.runner import OwnRunner
from itm.steer.own.trial import Trial, try_step


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    actions.add_parser("list", help="the own steps that installed packages offer")
    test = actions.add_parser("test", help="run one over the present world, and show what it would change")
    test.add_argument("name", metavar="NAME", help="without the `own:` of chains")
    test.add_argument("--service", default="", metavar="NAME", help="whose chain (default: the first)")
    test.add_argument("--json", action="store_true", help="as data")
    settings.configure(test)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises `OwnStepFailed` with what the step did wrong, `ItmError` where no map is live."""
    if args.action == "list":
        rows = [(one.name, one.value, one.dist.name if one.dist else "") for one in entry_points(group=GROUP)]
        print(columns(("step", "is", "package"), sorted(rows)))
        return 0
    config = settings.config_of(args)
    trial = _tried(config, args.name.removeprefix(OWN_PREFIX), args.service)
    print(
        json.dumps(trial.as_dict(), indent=2) if args.json else told(trial, config.builder.own_step_seconds)
    )
    return 0


def _tried(config: Config, name: str, service: str) -> Trial:
    givens = Givens.open(config)
    live, version = givens.live_catalog(), current.live_version(config.state_dir / "maps")
    if live is None or version is None:
        raise ItmError("no map is live: there is no world to try a step on")
    world = givens.world(*live)
    inputs = inputs_file.load(config.state_dir / "maps", version)
    with OwnRunner(config.builder.own_step_seconds, config.builder.own_step_megabytes) as runner:
        return try_step(world, inputs, _service(live[0].services, service), OWN_PREFIX + name, runner)


def _service(services: tuple[Service, ...], name: str) -> Service:
    absolute = name.lower().rstrip(".") + "."
    found = [one for one in services if not name or one.name == absolute]
    if not found:
        raise ItmError(f"--service: no service {absolute} (known: {', '.join(s.name for s in services)})")
    return found[0]


def told(trial: Trial, seconds: float) -> str:
    """Return a trial as text for a terminal."""
    rows = [
        (
            one.pop,
            f"{one.mean_ms:+g} in {one.added}" if one.added else "",
            str(one.dropped or ""),
            f"{one.load_before:.1%} -> {one.load:.1%}",
        )
        for one in trial.pops
    ]
    return (
        f"{trial.service} with the chain {' '.join(trial.chain)}\n"
        f"{trial.step} ran over {trial.rows} rows in {trial.seconds:.2f} s (limit {seconds:g} s) "
        f"and changed {trial.changed}; {trial.moved_share:.1%} of demand would go elsewhere.\n\n"
        + columns(("pop", "ms added, rows", "dropped in", "share of demand"), rows)
    )
