"""`itm pop`: what state the POPs are in, and forcing one up, down or drained, for a time or until cleared."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from urllib.parse import quote

from itm.cli import client
from itm.cli.client import OpsClient
from itm.cli.columns import columns, show_time
from itm.cli.duration import parse_duration

STATES = {
    "up": ("up", "force a POP up, whatever its checks say"),
    "down": ("down", "force a POP down: it leaves the answers"),
    "drain": ("drained", "drain a POP: new clients go elsewhere while there is an elsewhere"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="all POPs and their states")
    listing.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(listing)
    for word, (_, text) in STATES.items():
        action = actions.add_parser(word, help=text, description=text)
        action.add_argument("pop", metavar="POP")
        action.add_argument("--for", type=parse_duration, metavar="1h", dest="seconds", help="then forget it")
        action.add_argument("--reason", default="", help="why, for `itm pop list` and the audit trail")
        client.configure(action)
    clear = actions.add_parser("clear", help="forget what was forced")
    clear.add_argument("pop", metavar="POP")
    client.configure(clear)


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 if it was done."""
    actions: dict[str, Callable[[OpsClient, argparse.Namespace], None]] = {"list": _list, "clear": _clear}
    actions.get(args.action, _force)(client.client_of(args), args)
    return 0


def _list(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get("/api/v1/pops")
    if args.json:
        print(json.dumps(answer, indent=2))
        return
    rows = []
    for pop in answer["pops"]:
        override = pop.get("override") or {}
        by = override.get("author", "")
        state = pop["state"] + (" (forced)" if override else "")
        place = f"{pop['city']} {pop['country']}"
        until, reason = show_time(override.get("expires_at")), str(pop.get("reason") or "")
        rows.append((pop["id"], state, place, _load(pop.get("load")), until, by, reason))
    print(columns(("pop", "state", "place", "load", "until", "by", "reason"), rows))
    if answer.get("fail_open"):
        print("All POPs are down: answers are given as if all were up.")


def _load(load: dict[str, float] | None) -> str:
    return "" if load is None else f"{load['sessions']:.0f}/{load['capacity']:.0f}"


def _force(ops: OpsClient, args: argparse.Namespace) -> None:
    state, _ = STATES[args.action]
    body = {"state": state, "reason": args.reason}
    if args.seconds is not None:
        body["for_seconds"] = args.seconds
    ops.post(f"/api/v1/pops/{quote(args.pop, safe='')}/override", body)
    until = "until cleared" if args.seconds is None else f"for {args.seconds:g} s"
    print(f"{args.pop} is {state} {until}")


def _clear(ops: OpsClient, args: argparse.Namespace) -> None:
    ops.delete(f"/api/v1/pops/{quote(args.pop, safe='')}/override")
    print(f"{args.pop} follows its checks")
