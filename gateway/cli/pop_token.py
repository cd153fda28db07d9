"""`itm-gateway pop token`: the one-time token that enrols a POP's host."""

from __future__ import annotations

import argparse
import shlex

from gateway.broker import config, desk
from gateway.broker.authority import CA_FILE
from gateway.broker.enrolment import TOKEN_SECONDS
from gateway.broker.names import parse_address
from gateway.cli.columns import next_step


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "pop", metavar="POP", help="its id: a-z, 0-9 and hyphens, the same as in ITM's catalog"
    )
    parser.add_argument(
        "--address",
        action="append",
        required=True,
        metavar="HOST:PORT",
        help="where clients and connectors reach this host (repeatable); its certificate names them",
    )
    config.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Print the token."""
    settings = config.of(args)
    with desk.opened(settings) as opened:
        token = opened.enrolment.pop_token(args.pop, args.address, opened.clock())
    print(token)
    port = parse_address("address", args.address[0])[1]
    next_step(
        f"on the POP's host, within {TOKEN_SECONDS / 60:.0f} minutes, with a copy of"
        f" {settings.state_dir / CA_FILE}:\n"
        f"  itm-gateway pop --broker {shlex.quote(settings.url)} --ca {CA_FILE} --token {token}"
        f" --listen 0.0.0.0:{port} --address {shlex.quote(args.address[0])}"
    )
    return 0
