"""`itm-gateway tenant`: customers that share a broker and POPs, and see nothing of each other."""

from __future__ import annotations

import argparse

from gateway.broker import config, desk, locations
from gateway.cli.columns import next_step


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    create = actions.add_parser("create", help="make a tenant")
    create.add_argument("id", metavar="ID", help="a-z, 0-9 and hyphens")
    for action in (create, actions.add_parser("list", help="all tenants")):
        config.configure(action)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            print("\n".join(locations.all_tenants(opened.engine)))
            return 0
        locations.create_tenant(opened.engine, args.id, now=opened.clock())
    print(args.id)
    next_step(f"itm-gateway location create NAME --tenant {args.id}")
    return 0
