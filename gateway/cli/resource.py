"""`itm-gateway resource`: what users can open."""

from __future__ import annotations

import argparse
import shlex

from gateway.broker import config, desk, locations, resources
from gateway.broker.names import parse_address
from gateway.broker.resources import IDLE_SECONDS, MAX_SECONDS, Draft
from gateway.cli.columns import columns, next_step
from gateway.cli.location import of_tenant, workspace_of
from gateway.errors import Invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    add = actions.add_parser("add", help="make a resource")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--location", required=True, metavar="NAME", help="whose connectors reach it")
    add.add_argument("--target", required=True, metavar="HOST:PORT", help="the VDA, as connectors resolve it")
    add.add_argument(
        "--for", action="append", default=[], dest="users", metavar="USER",
        help="who may open it (repeatable; default: everyone of the tenant)",
    )  # fmt: skip
    add.add_argument(
        "--for-group", action="append", default=[], dest="groups", metavar="DIRECTORY:DN",
        help="a directory's group whose members may open it (repeatable)",
    )  # fmt: skip
    add.add_argument("--idle-seconds", type=int, default=IDLE_SECONDS, metavar="N")
    add.add_argument("--max-seconds", type=int, default=MAX_SECONDS, metavar="N")
    remove = actions.add_parser("remove", help="remove a resource with its tickets")
    remove.add_argument("name", metavar="NAME")
    for action in (add, remove, actions.add_parser("list", help="the tenant's resources")):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            _list(opened, args.tenant)
        elif args.action == "remove":
            resources.remove(opened.engine, resources.find(opened.engine, args.name, tenant=args.tenant))
            print(f"{args.name} is removed")
        else:
            _add(opened, args)
    return 0


def _add(opened: desk.Desk, args: argparse.Namespace) -> None:
    host, port = parse_address("target", args.target)
    location = locations.find(opened.engine, args.location, tenant=args.tenant)
    groups = [_group(text) for text in args.groups]
    draft = Draft(args.name, location.id, host, port, args.users, args.idle_seconds, args.max_seconds, groups)
    made = resources.add(opened.engine, draft, tenant=args.tenant, now=opened.clock())
    print(made.id)
    user = shlex.quote(args.users[0]) if args.users else "NAME"
    first = "" if args.users or groups else f"itm-gateway user add NAME{of_tenant(args.tenant)}, then "
    name = shlex.quote(made.name)
    page = workspace_of(opened.settings, args.tenant)
    next_step(
        f"{first}itm-gateway launch-file {name} --user {user}{of_tenant(args.tenant)}, or log in at {page}"
    )


def _group(text: str) -> tuple[str, str]:
    directory, colon, dn = text.partition(":")
    if not colon or not 0 < len(dn) <= 500:
        raise Invalid([f"for-group: expected DIRECTORY:DN, got {text[:80]!r}"])
    return directory, dn


def _list(opened: desk.Desk, tenant: str) -> None:
    names = {each.id: each.name for each in locations.listing(opened.engine, tenant=tenant)}
    rows = [
        (each.name, names[each.location], each.target, "everyone" if each.everyone else "some", each.id)
        for each in resources.listing(opened.engine, tenant=tenant)
    ]
    print(columns(("name", "location", "target", "for", "id"), rows))
