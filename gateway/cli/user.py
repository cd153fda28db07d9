"""`itm-gateway user`: local users. A password is asked for, or read from stdin's first line."""

from __future__ import annotations

import argparse
import getpass
import shlex
import sys

from gateway.broker import config, desk, sessions, users
from gateway.cli.columns import next_step
from gateway.cli.location import of_tenant, workspace_of
from gateway.errors import Invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    add = actions.add_parser("add", help="make a user")
    password = actions.add_parser("password", help="replace a user's password")
    remove = actions.add_parser("remove", help="remove a user: logins, assignments and sessions end")
    for action in (add, password, remove):
        action.add_argument("name", metavar="NAME")
    for action in (add, password, remove, actions.add_parser("list", help="the tenant's users")):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            print("\n".join(users.listing(opened.engine, tenant=args.tenant)))
        elif args.action == "password":
            opened.passwords.change(opened.engine, args.name, _ask(), tenant=args.tenant)
            print(f"{args.name} has a new password")
        elif args.action == "remove":
            _remove(opened, args.name, args.tenant)
        else:
            opened.passwords.add(opened.engine, args.name, _ask(), tenant=args.tenant, now=opened.clock())
            print(args.name)
            name = shlex.quote(args.name)
            page = workspace_of(opened.settings, args.tenant)
            next_step(
                f"log in at {page}, or itm-gateway launch-file RESOURCE --user {name}{of_tenant(args.tenant)}"
            )
    return 0


def _remove(opened: desk.Desk, name: str, tenant: str) -> None:
    is_local = users.is_local(opened.engine, name, tenant=tenant)
    users.remove(opened.engine, name, tenant=tenant)
    count = sessions.end(opened.engine, tenant=tenant, user=name, now=opened.clock())
    print(f"{name} removed, {count} sessions ended")
    if not is_local:
        next_step(f"a directory knows {name} still and lets them log in anew: close that account there")


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Invalid(["password: the two differ"])
    return password
