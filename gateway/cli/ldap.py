"""`itm-gateway ldap`: the directories that log a tenant's users in, reached through its connectors."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from gateway.broker import config, desk, directories, locations, person
from gateway.broker.desk import Desk
from gateway.broker.directories import Directory
from gateway.broker.names import parse_address
from gateway.cli import given, running
from gateway.cli.columns import columns, next_step
from gateway.cli.location import of_tenant


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    add = actions.add_parser("add", help="let a directory log users in")
    add.add_argument("name", metavar="NAME", help="its users are called USER@NAME: a-z, 0-9 and hyphens")
    _describe(add)
    remove = actions.add_parser("remove", help="remove a directory with its users and their assignments")
    remove.add_argument("name", metavar="NAME")
    test = actions.add_parser("test", help="ask the running broker whom a login means, through the connector")
    test.add_argument("user", metavar="USER", help="as it would be typed at login")
    test.add_argument("--password", action="store_true", help="try a password too (asked for, or from stdin)")
    for action in (add, remove, test, actions.add_parser("list", help="the tenant's directories")):
        config.configure(action, tenant=True)


def _describe(add: argparse.ArgumentParser) -> None:
    add.add_argument("--location", required=True, metavar="NAME", help="whose connectors reach it")
    add.add_argument("--server", required=True, metavar="HOST:PORT", help="as the connectors resolve it")
    add.add_argument("--base", required=True, metavar="DN", help="where users and groups are searched")
    add.add_argument(
        "--bind-dn", default="", metavar="DN",
        help="account that searches; its password is asked for, or read from stdin (default: none)",
    )  # fmt: skip
    add.add_argument("--tls", choices=directories.TLS, default="ldaps", help="(ldaps); plain hides nothing")
    add.add_argument("--ca", type=Path, metavar="FILE", help="PEM to trust instead of the system's")
    add.add_argument("--domain", default="", metavar="DOMAIN", help="what stands before \\ in DOMAIN\\user")
    add.add_argument(
        "--user-filter", default=person.USER_FILTER, metavar="FILTER",
        help=f"RFC 4515, with {person.PLACE} for what was typed ({person.USER_FILTER})",
    )  # fmt: skip
    add.add_argument(
        "--name-attribute", default="", metavar="NAME", help="holds the lasting name (sAMAccountName, uid)"
    )
    add.add_argument(
        "--group", action="append", default=[], dest="groups", metavar="DN",
        help="only its members may log in (repeatable; default: whoever the filter finds)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            _list(opened, args.tenant)
        elif args.action == "remove":
            opened.directories.remove(args.name, tenant=args.tenant)
            print(f"{args.name} is removed")
        elif args.action == "test":
            _test(opened, args)
        else:
            _add(opened, args)
    return 0


def _add(opened: Desk, args: argparse.Namespace) -> None:
    host, port = parse_address("server", args.server)
    location = locations.find(opened.engine, args.location, tenant=args.tenant)
    draft = Directory(
        args.tenant, args.name, location, host, port, args.base, args.tls,
        given.certificates(args.ca), args.bind_dn, args.user_filter, args.name_attribute, args.domain,
        tuple(args.groups),
    )  # fmt: skip
    password = given.password(f"Password of {args.bind_dn}: ") if args.bind_dn else ""
    made = opened.directories.add(draft, password, now=opened.clock())
    print(made.name)
    next_step(
        f"a connector of {shlex.quote(location.name)} needs --allow {made.server}, then"
        f" itm-gateway ldap test USER{of_tenant(args.tenant)}"
    )


def _list(opened: Desk, tenant: str) -> None:
    rows = [
        (each.name, each.location.name, each.server, each.tls, each.base_dn, each.bind_dn)
        for each in opened.directories.listing(tenant=tenant)
    ]
    print(columns(("name", "location", "server", "tls", "base", "searched as"), rows))


def _test(opened: Desk, args: argparse.Namespace) -> None:
    password = given.password(f"Password of {args.user}: ") if args.password else ""
    body = {"tenant": args.tenant, "user": args.user, "password": password}
    found = running.ask(opened, "/directories/test", body)
    refusal = found["refusal"]
    verdict = {None: "right", "": "not tried"}.get(refusal, f"refused: {refusal}")
    rows = [(name, str(found[name])) for name in ("directory", "name", "dn")]
    rows += [("group", group) for group in found["groups"]]
    print("\n".join(f"{name:<10}{value}" for name, value in (*rows, ("password", verdict))))
    if not refusal:
        theirs = f"--for {shlex.quote(found['name'])}{of_tenant(args.tenant)}"
        next_step(f"itm-gateway resource add NAME --location LOCATION --target HOST:PORT {theirs}")
