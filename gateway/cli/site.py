"""`itm-gateway site`: delivery controllers that publish applications to a tenant's users."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from gateway.broker import config, desk, locations, sites
from gateway.broker.desk import Desk
from gateway.broker.names import parse_address
from gateway.broker.sites import Draft
from gateway.cli import given, running
from gateway.cli.columns import columns, next_step
from gateway.cli.location import of_tenant, workspace_of
from gateway.errors import ConfigError, NotFound


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    add = actions.add_parser("add", help="ask a delivery controller what users may open")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--location", required=True, metavar="NAME", help="whose connectors reach it")
    add.add_argument("--controller", required=True, metavar="HOST:PORT", help="its XML service")
    add.add_argument(
        "--directory", default="", metavar="NAME", help="whose users it knows (default: the local users)"
    )
    add.add_argument("--domain", default="", metavar="DOMAIN", help="in which (the directory's)")
    add.add_argument("--tls", action="store_true", help="speak HTTPS to it")
    add.add_argument("--ca", type=Path, metavar="FILE", help="HTTPS, with this authority, not the system's")
    remove = actions.add_parser("remove", help="remove a site with its tickets")
    check = actions.add_parser("check", help="ask the running broker what it publishes, through a connector")
    check.add_argument("--user", default="", metavar="NAME", help="to whom, as it knows them (anybody)")
    check.add_argument("--password", action="store_true", help="have the user's password checked (asked for)")
    for action in (remove, check):
        action.add_argument("name", metavar="NAME")
    for action in (add, remove, check, actions.add_parser("list", help="the tenant's sites")):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            _list(opened, args.tenant)
        elif args.action == "remove":
            sites.remove(opened.engine, sites.find(opened.engine, args.name, tenant=args.tenant))
            print(f"{args.name} is removed")
        elif args.action == "check":
            _check(opened, args)
        else:
            _add(opened, args)
    return 0


def _add(opened: Desk, args: argparse.Namespace) -> None:
    host, port = parse_address("controller", args.controller)
    location = locations.find(opened.engine, args.location, tenant=args.tenant)
    has_tls, ca = args.tls or args.ca is not None, given.certificates(args.ca)
    domain = args.domain or _domain_of(opened, args)
    draft = Draft(args.name, location, host, port, args.directory, domain, has_tls, ca)
    made = sites.add(opened.engine, draft, now=opened.clock())
    print(made.id)
    next_step(
        f"a connector of {shlex.quote(location.name)} needs --allow {made.controller} and the VDAs, then"
        f" itm-gateway site check {shlex.quote(made.name)} --user NAME{of_tenant(args.tenant)}"
    )


def _domain_of(opened: Desk, args: argparse.Namespace) -> str:
    known = {each.name: each.domain for each in opened.directories.listing(tenant=args.tenant)}
    if args.directory and args.directory not in known:
        raise NotFound(f"{args.tenant} has no directory {args.directory}: itm-gateway ldap add")
    return known.get(args.directory, "")


def _list(opened: Desk, tenant: str) -> None:
    rows = [
        (site.name, place.name, site.controller, "tls" if site.has_tls else "plain",
         site.directory or "local users", site.domain, site.id)
        for site, place in sites.listing(opened.engine, tenant=tenant)
    ]  # fmt: skip
    print(columns(("name", "location", "controller", "wire", "users", "domain", "id"), rows))


def _check(opened: Desk, args: argparse.Namespace) -> None:
    if args.password and not args.user:
        raise ConfigError("--password: whose? it needs --user")
    body = {"tenant": args.tenant, "site": args.name, "user": args.user, "password": ""}
    if args.password:
        body["password"] = given.password(f"Password of {args.user}: ")
    found = running.ask(opened, "/sites/check", body)["applications"]
    rows = [
        (each["name"], "desktop" if each["is_desktop"] else "application", each["folder"], each["id"])
        for each in found
    ]
    print(columns(("name", "kind", "folder", "id"), rows))
    next_step(f"users find them at {workspace_of(opened.settings, args.tenant)}")
