"""`itm demand show`: who is where by all sources, the heaviest networks, ASes and countries."""

from __future__ import annotations

import argparse
import json

from itm.cli import client
from itm.cli.columns import columns


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action and its options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    show = actions.add_parser("show", help="the sums, and the heaviest networks, ASes and countries")
    show.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(show)


def run(args: argparse.Namespace) -> int:
    """Show it; 0."""
    answer = client.client_of(args).get("/api/v1/demand")
    if args.json:
        print(json.dumps(answer, indent=2))
        return 0
    queries = sum(answer["queries"].values())
    print(
        f"{answer['clients']} clients and {queries} queries of {answer['hours']} h counted in "
        f"{answer['networks']} networks; {answer['queries_per_client']:.1f} queries make a client"
    )
    print(f"{answer['addresses_share']:.0%} of demand follows addresses, the rest what was counted")
    if answer["lost"]:
        print(f"{answer['lost']} more queries were counted without their network: too many of them")
    for name, count in sorted(answer["queries"].items(), key=lambda item: -item[1]):
        print(f"  {name} {count} queries")
    for kind, lines in answer["heaviest"].items():
        rows = [
            (
                one["name"],
                f"{one['share']:.3%}",
                *(str(one[of]) for of in ("addresses", "clients", "queries")),
            )
            for one in lines
        ]
        print()
        print(columns((kind, "demand", "/24s", "clients", "queries"), rows))
    return 0
