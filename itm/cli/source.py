"""`itm source list`: which source was last heard of which POP, and which have gone quiet."""

from __future__ import annotations

import argparse
import json

from itm.cli import client
from itm.cli.columns import columns


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action and its options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="the age of the newest datum, by source and POP")
    listing.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(listing)


def run(args: argparse.Namespace) -> int:
    """Show them; 0, or 1 when a source has gone quiet about a POP."""
    answer = client.client_of(args).get("/api/v1/sources")
    stale = any(one["stale"] for one in answer["sources"])
    if args.json:
        print(json.dumps(answer, indent=2))
        return int(stale)
    after = {rule["source"]: rule["stale_after_seconds"] for rule in answer["rules"]}
    rows = [
        (
            one["source"],
            one["pop"],
            f"{one['age_seconds']:.0f} s",
            f"{after[one['source']]:g} s",
            "quiet" if one["stale"] else "",
        )
        for one in answer["sources"]
    ]
    print(columns(("source", "pop", "age", "stale after", "state"), rows))
    silent = [source for source in after if all(one["source"] != source for one in answer["sources"])]
    if silent:
        print(f"Never heard of: {', '.join(silent)}.")
    return int(stale)
