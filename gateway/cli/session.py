"""`itm-gateway session`: list the sessions of a tenant, or end some."""

from __future__ import annotations

import argparse

from gateway.broker import config, desk, sessions
from gateway.broker.desk import Desk
from gateway.broker.sessions import Session
from gateway.cli.columns import columns, next_step, show_time
from gateway.errors import Invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="who has what open, since when, at which POP")
    listing.add_argument("--all", action="store_true", help="those that ended lately too, and why")
    end = actions.add_parser("end", help="end a session, or all of a user, wherever they run")
    end.add_argument("session", nargs="?", default="", metavar="SESSION")
    end.add_argument("--user", default="", metavar="NAME", help="all sessions of this user")
    for action in (listing, end):
        config.configure(action, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "list":
            print(_table(opened, args.tenant, with_ended=args.all))
            return 0
        if bool(args.session) == bool(args.user):
            raise Invalid(["session end: expected SESSION or --user NAME"])
        count = sessions.end(
            opened.engine, tenant=args.tenant, session=args.session, user=args.user, now=opened.clock()
        )
    print(f"{count} ended")
    next_step("a running broker tells POPs and connectors within 5 s; `itm-gateway trace SESSION` on a POP")
    return 0


def _table(opened: Desk, tenant: str, *, with_ended: bool) -> str:
    found = sessions.listing(opened.engine, tenant=tenant, now=opened.clock(), with_ended=with_ended)
    header = ("session", "user", "resource", "location", "opened at", "since", "end")
    return columns(header, [_row(one) for one in found])


def _row(one: Session) -> tuple[str, ...]:
    end = f"{one.code} {show_time(one.ended_at)}" if one.code else ""
    return (one.id, one.user, one.resource, one.location, one.pop, show_time(one.started_at), end)
