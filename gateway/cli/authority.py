"""`itm-gateway authority`: the gateway's own certificate authority."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gateway.broker import config, desk
from gateway.broker.names import parse_address
from gateway.cli.columns import next_step
from gateway.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    show = actions.add_parser("show", help="print the root certificate")
    server = actions.add_parser("server", help="write key and certificate for a TLS server, e.g. a test POP")
    server.add_argument("names", nargs="+", metavar="NAME", help="host names and addresses it serves under")
    server.add_argument("--days", type=float, default=30.0)
    server.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    for action in (show, server):
        config.configure(action)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    with desk.opened(config.of(args)) as opened:
        if args.action == "show":
            print(opened.authority.ca_pem, end="")
            return 0
        names = [parse_address("name", f"[{n}]:1" if ":" in n else f"{n}:1")[0] for n in args.names]
        issued, key_pem = opened.authority.issue_server(names, args.days * 86400)
    try:
        descriptor = os.open(args.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(issued.cert_pem + key_pem)
    except OSError as error:
        raise ConfigError(f"output: {args.output}: {error.strerror}") from error
    print(args.output)
    next_step("clients must trust the root: itm-gateway authority show > ca.pem")
    return 0
