"""`itm token`: make, list and revoke the tokens that may change things through the ops API."""

from __future__ import annotations

import argparse
import getpass
import json
from urllib.parse import quote

from itm.cli import client
from itm.cli.columns import columns, show_time
from itm.cli.duration import parse_duration


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    create = actions.add_parser("create", help="make a token and print it, once")
    create.add_argument(
        "--scope", required=True, metavar="A,B", help="what it may do: feed, operate, catalog, admin"
    )
    create.add_argument("--name", default="", help="for `list` and the audit trail (default: user-scopes)")
    create.add_argument(
        "--ttl", type=parse_duration, metavar="30d", help="how long it holds (default: always)"
    )
    listing = actions.add_parser("list", help="names, scopes and expiry; never the tokens themselves")
    listing.add_argument("--json", action="store_true", help="the API's answer as it is")
    revoke = actions.add_parser("revoke", help="make a token worthless")
    revoke.add_argument("name", metavar="NAME")
    for action in (create, listing, revoke):
        client.configure(action)


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 if it was done."""
    ops = client.client_of(args)
    if args.action == "create":
        print(_create(ops, args)["token"])
    elif args.action == "revoke":
        ops.delete(f"/api/v1/tokens/{quote(args.name, safe='')}")
        print(f"{args.name} is revoked")
    else:
        _list(ops, args)
    return 0


def _create(ops: client.OpsClient, args: argparse.Namespace) -> dict[str, str]:
    scopes = [scope.strip() for scope in args.scope.split(",") if scope.strip()]
    body = {"name": args.name or "-".join((getpass.getuser(), *scopes)), "scopes": scopes}
    if args.ttl is not None:
        body["for_seconds"] = args.ttl
    made: dict[str, str] = ops.post("/api/v1/tokens", body)
    return made


def _list(ops: client.OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get("/api/v1/tokens")
    if args.json:
        print(json.dumps(answer, indent=2))
        return
    rows = [
        (
            token["name"],
            ",".join(token["scopes"]),
            show_time(token["created_at"]),
            show_time(token["expires_at"]),
        )
        for token in answer["tokens"]
    ]
    print(columns(("name", "scopes", "created", "expires"), rows))
