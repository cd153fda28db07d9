"""`itm-gateway portal`: keys of portals that log users in themselves and request tickets for them."""

from __future__ import annotations

import argparse

from gateway.broker import config, desk, portals
from gateway.cli.columns import next_step
from gateway.errors import NotFound


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    create = actions.add_parser("create", help="make a key and print it, once")
    revoke = actions.add_parser("revoke", help="make a key worthless")
    for action in (create, revoke):
        action.add_argument("name", metavar="NAME")
    for action in (create, revoke, actions.add_parser("list", help="the tenant's portals, never their keys")):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    settings = config.of(args)
    with desk.opened(settings) as opened:
        if args.action == "list":
            print("\n".join(portals.listing(opened.engine, tenant=args.tenant)))
        elif args.action == "revoke":
            if not portals.revoke(opened.engine, args.name, tenant=args.tenant):
                raise NotFound(f"{args.tenant} has no portal {args.name}")
            print(f"{args.name} is revoked")
        else:
            print(portals.create(opened.engine, args.name, tenant=args.tenant, now=opened.clock()))
            next_step(
                f"give the portal {settings.url}/scripts/ctxsta.dll (XML) or {settings.url}/sta/ticket (JSON)"
                " and the key, as a Bearer token or a Basic password"
            )
    return 0
