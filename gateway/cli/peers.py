"""Listing and revoking connectors and POPs: the same two actions for both roles."""

from __future__ import annotations

import argparse

from gateway.broker import certificates, config, desk, enrolment
from gateway.broker.desk import Desk
from gateway.cli.columns import columns, show_time


def configure(parser: argparse.ArgumentParser, role: str) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="ids and when their certificates end")
    revoke = actions.add_parser("revoke", help="make its certificates worthless, now")
    revoke.add_argument("id", metavar="ID")
    for action in (listing, revoke):
        config.configure(action, tenant=role == "connector")


def run(args: argparse.Namespace, role: str) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "revoke":
            count = opened.enrolment.revoke(role, args.id, opened.clock())
            print(f"{args.id} is revoked ({count} certificates)")
        else:
            print(_table(opened, role, getattr(args, "tenant", "")))
    return 0


def _table(opened: Desk, role: str, tenant: str) -> str:
    ends = certificates.latest(opened.engine, role)
    where = "location" if role == "connector" else "addresses"
    rows = [
        (
            peer.id,
            peer.location or " ".join(peer.addresses),
            show_time(peer.created_at),
            "revoked" if peer.revoked_at is not None else show_time(ends.get(peer.id)),
        )
        for peer in enrolment.listing(opened.engine, role, tenant=tenant)
    ]
    return columns(("id", where, "enrolled", "certificate until"), rows)
