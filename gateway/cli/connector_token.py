"""`itm-gateway connector token`: the one-time token that enrols a connector."""

from __future__ import annotations

import argparse
import shlex

from gateway.broker import config, desk, locations
from gateway.broker.authority import CA_FILE
from gateway.broker.enrolment import TOKEN_SECONDS
from gateway.cli.columns import next_step
from gateway.cli.location import of_tenant


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("location", metavar="LOCATION", help="name or id of the Resource Location")
    parser.add_argument(
        "--vda", action="append", default=[], metavar="NAME",
        help="enrol this VDA's own agent: its name or address as resources write it (repeatable)",
    )  # fmt: skip
    config.configure(parser, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Print the token."""
    settings = config.of(args)
    with desk.opened(settings) as opened:
        location = locations.find(opened.engine, args.location, tenant=args.tenant)
        token = opened.enrolment.connector_token(location, opened.clock(), args.vda)
    print(token)
    where, how = ("on the VDA", "--vda") if args.vda else ("in the network of the VDAs", "--allow HOST:PORTS")
    next_step(
        f"{where}, within {TOKEN_SECONDS / 60:.0f} minutes, with a copy of"
        f" {settings.state_dir / CA_FILE}:\n"
        f"  itm-gateway connector --broker {shlex.quote(settings.url)} --ca {CA_FILE} --token {token} {how}\n"
        f"then: itm-gateway resource add NAME --location {shlex.quote(location.name)} --target HOST:PORT"
        f"{of_tenant(args.tenant)}, or site add, or ldap add"
    )
    return 0
