"""`itm simulate churn` and `oscillation`: how steady the steering is, on recorded hours and under load."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from itm.simulate import churn, hourly, oscillation


def configure(actions: Any) -> None:
    """Add the two actions and their options."""
    told = {
        "churn": (_churn, "recorded hours without a fault; prints how much demand changes its POP in them"),
        "oscillation": (_oscillation, "POPs that get slower as they fill; prints whether the shares settle"),
    }
    for name, (act, text) in told.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--seed", type=int, default=0)
        action.add_argument("--json", type=Path, metavar="FILE", help="write the table here too")
        action.set_defaults(act=act)


def _churn(args: argparse.Namespace) -> int:
    found = [churn.churn(region, hourly.load(region), args.seed) for region in hourly.REGIONS]
    return _told(args, churn.as_text(found), found)


def _oscillation(args: argparse.Namespace) -> int:
    hours = hourly.load("europe")
    found = [oscillation.swing(hours, rests=rests, seed=args.seed) for rests in (True, False)]
    return _told(args, oscillation.as_text(found), found)


def _told(args: argparse.Namespace, text: str, found: Sequence[Any]) -> int:
    print(text)
    if args.json:
        args.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    return 0
