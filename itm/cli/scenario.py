"""`itm simulate SCENARIO`: a world with faults around the real code; prints what users saw."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from itm.errors import ItmError
from itm.simulate.faults.ground import ground, recordings
from itm.simulate.faults.plot import as_svg
from itm.simulate.faults.report import as_data, as_text
from itm.simulate.faults.run import Run
from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.scenarios import SCENARIOS

NETWORKS = 2_000
MOST_NETWORKS = 200_000
MOST_HOURS = 168


def configure(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add one action per scenario."""
    for scenario in SCENARIOS:
        parser = actions.add_parser(scenario.name, help=scenario.title, description=scenario.title)
        parser.add_argument(
            "--networks",
            type=int,
            default=NETWORKS,
            metavar="N",
            help="client networks, about (default 2,000)",
        )
        parser.add_argument(
            "--hours", type=float, metavar="H", help="go on for so long: no less than the scenario lasts"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it as SVG")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables here too")
        parser.set_defaults(act=play, scenario=scenario)


def play(args: argparse.Namespace) -> int:
    """Run a scenario; raises `ItmError` naming an option that cannot be."""
    if not 0 < args.networks <= MOST_NETWORKS:
        raise ItmError(f"--networks: expected 1 to {MOST_NETWORKS}, got {args.networks}")
    scenario: Scenario = args.scenario
    if args.hours is not None:
        least = scenario.minutes / 60
        if not least <= args.hours <= MOST_HOURS:
            raise ItmError(f"--hours: expected {least:g} to {MOST_HOURS}, got {args.hours:g}")
        scenario = scenario.lasting(args.hours * 60)
    known = recordings()
    print(f"{known.places.credit}; populations by GeoNames (https://www.geonames.org)\n", flush=True)
    outcome = Run(scenario, ground(known, args.networks, args.seed), args.seed).play()
    print(as_text(outcome))
    if args.plot:
        args.plot.write_text(as_svg(outcome), encoding="utf-8")
    if args.json:
        args.json.write_text(json.dumps(as_data(outcome), indent=2) + "\n", encoding="utf-8")
    return 0
