"""`itm pop`: what state the POPs are in, and forcing one up, down or drained, for a time or until cleared."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from itm.cli import client
from itm.cli.client import OpsClient
from itm.cli.columns import columns, show_time
from itm.cli.duration import parse_duration
from itm.errors import Refused

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
    show = actions.add_parser("show", help="what every agent finds at each address of one POP")
    show.add_argument("pop", metavar="POP")
    show.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(show)
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
    actions: dict[str, Callable[[OpsClient, argparse.Namespace], None]] = {
        "list": _list,
        "show": _show,
        "clear": _clear,
    }
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


def _show(ops: OpsClient, args: argparse.Namespace) -> None:
    found = [pop for pop in ops.get("/api/v1/pops")["pops"] if pop["id"] == args.pop]
    if not found:
        raise Refused(404, f"no POP {args.pop!r} in the live catalog")
    (pop,) = found
    if args.json:
        print(json.dumps(pop, indent=2))
        return
    print(f"{pop['id']} is {pop['state']}: {pop['reason']}")
    rows = [_row(check["address"], view) for check in pop["checks"] for view in check["agents"]]
    if rows:
        print(columns(("address", "agent", "region", "finds", "since", "checked", "ms", "says"), rows))


def _row(address: str, view: dict[str, Any]) -> tuple[str, ...]:
    finds = ("up" if view["passes"] else "down") + ("" if view["votes"] else " (stale)")
    says = view["notice"] if view["passes"] else view["detail"]
    checked, elapsed = f"{view['age_seconds']:.0f} s ago", f"{view['elapsed_ms']:.1f}"
    return address, view["agent"], view["region"], finds, show_time(view["since"]), checked, elapsed, says


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
