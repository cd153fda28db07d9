"""`itm-gateway user`: local users. A password is asked for, or read from stdin's first line."""

from __future__ import annotations

import argparse
import getpass
import shlex
import sys

from gateway.broker import config, desk, users
from gateway.cli.columns import next_step
from gateway.cli.location import of_tenant, workspace_of
from gateway.errors import Invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    add = actions.add_parser("add", help="make a user")
    password = actions.add_parser("password", help="replace a user's password")
    for action in (add, password):
        action.add_argument("name", metavar="NAME")
    for action in (add, password, actions.add_parser("list", help="the tenant's users")):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            print("\n".join(users.listing(opened.engine, tenant=args.tenant)))
        elif args.action == "password":
            opened.passwords.change(opened.engine, args.name, _ask(), tenant=args.tenant)
            print(f"{args.name} has a new password")
        else:
            opened.passwords.add(opened.engine, args.name, _ask(), tenant=args.tenant, now=opened.clock())
            print(args.name)
            name = shlex.quote(args.name)
            page = workspace_of(opened.settings, args.tenant)
            next_step(
                f"log in at {page}, or itm-gateway launch-file RESOURCE --user {name}{of_tenant(args.tenant)}"
            )
    return 0


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Invalid(["password: the two differ"])
    return password
