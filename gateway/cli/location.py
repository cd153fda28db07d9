"""`itm-gateway location`: the customer's sites."""

from __future__ import annotations

import argparse
import shlex

from gateway.broker import config, desk, locations
from gateway.cli.columns import columns, next_step, show_time


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    create = actions.add_parser("create", help="make a Resource Location")
    create.add_argument("name", metavar="NAME")
    for action in (create, actions.add_parser("list", help="the tenant's Resource Locations")):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            found = locations.listing(opened.engine, tenant=args.tenant)
            rows = [(each.name, each.id, show_time(each.created_at)) for each in found]
            print(columns(("name", "id", "created"), rows))
            return 0
        made = locations.create(opened.engine, args.name, tenant=args.tenant, now=opened.clock())
    print(made.id)
    next_step(f"itm-gateway connector token {shlex.quote(made.name)}{of_tenant(args.tenant)}")
    return 0


def of_tenant(tenant: str) -> str:
    """Return the option that a next step needs for this tenant."""
    return "" if tenant == "default" else f" --tenant {tenant}"


def workspace_of(settings: config.Settings, tenant: str) -> str:
    """Return the address of the tenant's Workspace page."""
    return f"{settings.url}/" if tenant == "default" else f"{settings.url}/t/{tenant}"
