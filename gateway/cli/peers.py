"""Listing and revoking connectors and POPs: the same two actions for both roles."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from gateway.broker import certificates, config, desk, enrolment, standing
from gateway.broker.desk import Desk
from gateway.broker.enrolment import Peer
from gateway.broker.standing import Report
from gateway.cli.columns import columns, show_time

REPORTED: Final = ("location", "vda", "pops", "sessions", "cpu", "failed", "version", "seen")
"""Columns of a connector: `vda` for an agent, `failed` opens of the last minute, `seen` at a POP."""


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
    reports = standing.load(opened.settings.state_dir)
    header = REPORTED if role == "connector" else ("addresses",)
    rows = [
        (
            peer.id,
            *((" ".join(peer.addresses),) if role == "pop" else _reported(peer, reports, opened)),
            show_time(peer.created_at),
            "revoked" if peer.revoked_at is not None else show_time(ends.get(peer.id)),
        )
        for peer in enrolment.listing(opened.engine, role, tenant=tenant)
    ]
    return columns(("id", *header, "enrolled", "certificate until"), rows)


def _reported(peer: Peer, reports: Mapping[str, Report], opened: Desk) -> tuple[str, ...]:
    """Return the columns of a connector that the running broker knows; see `REPORTED`."""
    if (report := reports.get(peer.id)) is None:
        return (peer.location, *[""] * (len(REPORTED) - 1))
    is_here = bool(report.pops) and report.seen_at > opened.clock() - standing.FRESH_SECONDS
    here = (
        ",".join(report.pops) + (" (draining)" if report.draining else ""),
        f"{report.sessions}/{report.capacity}",
        f"{report.cpu_percent}%",
        str(report.failed),
    )
    return (
        peer.location,
        ",".join(report.hosts),
        *(here if is_here else [""] * len(here)),
        report.software,
        "now" if is_here else show_time(report.seen_at),
    )
