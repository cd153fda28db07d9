"""`itm catalog canary`, and the options that make a change one."""

from __future__ import annotations

import argparse
from typing import Any, Final

from itm.cli.client import OpsClient
from itm.cli.columns import columns, show_time

VERBS: Final = ("status", "promote", "abort")
PATH: Final = "/api/v1/catalog/canary"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of a change."""
    text = "for a share of the places first, as 5%% or 0.05 (without one: the server's setting)"
    parser.add_argument("--canary", nargs="?", type=share, const=True, metavar="SHARE", help=text)
    text = "which places those are; default: the version's number"
    parser.add_argument("--canary-seed", type=int, metavar="N", help=text)


def wanted(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options add to a request."""
    found = {"canary": args.canary, "canary_seed": args.canary_seed}
    return {name: value for name, value in found.items() if value is not None}


def share(text: str) -> float:
    """Return the share that `5%` or `0.05` says. Raises `ArgumentTypeError`."""
    number, percent, rest = text.partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = 0.0
    if rest or not 0 < value <= 0.5:
        raise argparse.ArgumentTypeError(f"expected a share up to half, as 5% or 0.05, got {text!r}")
    return value


def run(ops: OpsClient, args: argparse.Namespace) -> int:
    """Do what the verb says; 0 if it was done."""
    if args.verb == "status":
        print("\n".join(lines_of(ops.get(PATH))))
    else:
        version = ops.post(f"{PATH}/{args.verb}", {})["version"]
        print(f"the builder will {args.verb} version {version} in its next turn")
    return 0


def lines_of(answer: dict[str, Any]) -> list[str]:
    """Return the API's answer as a person reads it."""
    lines = _running(answer["running"]) if answer["running"] else ["no canary is running"]
    rows = [
        (str(one["version"]), one["fate"], show_time(one["ended_at"]), f"{one['share']:.1%}", one["reason"])
        for one in answer["ended"]
    ]
    return lines + ([columns(("version", "fate", "ended", "share", "why"), rows)] if rows else [])


def _running(now: dict[str, Any]) -> list[str]:
    since, verdict = show_time(now["started_at"]), now["verdict"]
    of = f"{now['share']:.1%} of the places (seed {now['seed']})"
    lines = [f"version {now['version']} is a canary for {of} since {since}"]
    if verdict:
        places = f"{verdict['differing']} places of the slice are answered differently"
        lines.append(f"{verdict['fate']}: {verdict['reason']}; {places}")
    return lines + ([f"{now['wished_by']} wishes to {now['wish']} it"] if now["wish"] else [])
