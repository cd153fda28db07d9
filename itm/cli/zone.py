"""`itm zone`: the zones that are served, their keys, and the way through a rollover of an entry point."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from itm.cli import client
from itm.cli.client import OpsClient
from itm.cli.columns import columns, show_time

ACTIONS = {
    "keys": "the keys of a zone, and what to do next",
    "ds": "the DS records that the parent shall have",
    "roll": "begin to replace the key that the parent's DS points at",
    "ds-seen": "say that the parent has a key's DS",
    "export": "the zone as text, as a transfer would send it",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="all zones, how they are signed, their secondaries")
    for word, text in ACTIONS.items():
        action = actions.add_parser(word, help=text, description=text)
        action.add_argument("zone", metavar="ZONE")
        if word == "ds-seen":
            action.add_argument("key", metavar="KEY", help="its id, as `itm zone keys` shows it")
        if word == "keys":
            action.add_argument("--json", action="store_true", help="the API's answer as it is")
        client.configure(action)
    listing.add_argument("--json", action="store_true", help="the API's answer as it is")
    client.configure(listing)


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 if it was done."""
    actions: dict[str, Callable[[OpsClient, argparse.Namespace], None]] = {
        "list": _list,
        "keys": _keys,
        "ds": _ds,
        "roll": _roll,
        "ds-seen": _ds_seen,
        "export": _export,
    }
    actions[args.action](client.client_of(args), args)
    return 0


def _list(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get("/api/v1/zones")
    if args.json:
        print(json.dumps(answer, indent=2))
        return
    rows = []
    for zone in answer["zones"]:
        how = zone["dnssec"]
        signed = f"{how['algorithm']} {how['keys']}" if how else "-"
        serials = " ".join(map(str, zone["serials"])) or "-"
        rows.append((zone["zone"], serials, signed, show_time(zone["signatures_end_at"])))
    print(columns(("zone", "serial", "signed", "signatures end"), rows))
    others = [(zone["zone"], one) for zone in answer["zones"] for one in zone["secondaries"]]
    if others:
        print()
        print(columns(("zone", "secondary", "told of", "answered", "said"), [_secondary(*o) for o in others]))


def _secondary(zone: str, one: dict[str, Any]) -> tuple[str, ...]:
    """Return what a secondary was told, and what it said to it."""
    said = one["said"] or f"no answer yet ({one['tries']} tries)"
    return zone, f"{one['address']} {one['port']}", str(one["serial"]), show_time(one["answered_at"]), said


def _keys(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get(_path(args))
    if args.json:
        print(json.dumps(answer, indent=2))
    else:
        _show(answer)


def _ds(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get(_path(args))
    for key in answer["keys"]:
        if key["is_wanted_at_parent"]:
            print(f"{answer['zone']} IN DS {key['ds']}")


def _roll(ops: OpsClient, args: argparse.Namespace) -> None:
    _show(ops.post(f"{_path(args)}/roll", {}))


def _ds_seen(ops: OpsClient, args: argparse.Namespace) -> None:
    _show(ops.post(f"{_path(args)}/{quote(args.key, safe='')}/ds-seen", {}))


def _export(ops: OpsClient, args: argparse.Namespace) -> None:
    print(ops.get(f"/api/v1/zones/{quote(args.zone, safe='')}/export")["text"], end="")


def _path(args: argparse.Namespace) -> str:
    return f"/api/v1/zones/{quote(args.zone, safe='')}/keys"


def _show(answer: dict[str, Any]) -> None:
    rows = [
        (key["key"], key["role"], key["algorithm"], str(key["tag"]), key["stage"], show_time(key["since"]))
        for key in answer["keys"]
    ]
    print(columns(("key", "role", "algorithm", "tag", "stage", "since"), rows))
    print(next_step(answer))


def next_step(answer: dict[str, Any]) -> str:
    """Return what the operator does next, in one or two lines."""
    zone = answer["zone"]
    entry = [key for key in answer["keys"] if key["ds"]]
    coming = [key for key in entry if key["stage"] == "published"]
    active = [key for key in entry if key["stage"] == "active"]
    if not entry:
        return "The signer has made no key yet: look again in a second."
    if coming:
        return (
            f"{coming[0]['key']} is being learned by caches until {show_time(coming[0]['active_at'])}: wait."
        )
    wanted = next(key for key in entry if key["is_wanted_at_parent"])
    if len(active) == 1:
        if any(key["stage"] == "retired" for key in entry):
            return "The old key stays until caches have forgotten what it signed: nothing to do."
        return f"The parent shall have: {zone} IN DS {wanted['ds']}"
    if wanted["ds_seen_at"] is None:
        return (
            f"Replace the DS at the parent by: {zone} IN DS {wanted['ds']}\n"
            f"When the parent's servers answer with it: itm zone ds-seen {zone} {wanted['key']}"
        )
    ends = wanted["ds_seen_at"] + answer["ds_ttl_seconds"]
    return f"The old DS leaves the caches until {show_time(ends)}: wait."
