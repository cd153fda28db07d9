"""The `itm-gateway` command: one table of commands; only the chosen one's module is imported.

A command module has `configure(parser)` and `run(args) -> int`. A command may be two words, so that
`connector` runs a program and `connector token` belongs to the broker. An error we raise on purpose is
one line on stderr and exit status 2; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.errors import GatewayError


class Command(NamedTuple):
    """Where a command lives and what it does, in one line."""

    module: str
    help: str


COMMANDS: Final = {
    "broker": Command("gateway.cli.broker", "run the broker: tickets, enrolment, signals between POPs"),
    "demo": Command("gateway.cli.demo", "run a whole gateway on loopback, for a first try"),
    "pop": Command("gateway.cli.pop", "run a POP: the data plane"),
    "connector": Command("gateway.cli.connector", "run a connector in the network of the VDAs"),
    "launch": Command("gateway.cli.launch", "open a launch file: the client's side of a session"),
    "echo-vda": Command("gateway.cli.echo_vda", "run a VDA that answers what it is sent"),
    "trace": Command("gateway.cli.trace", "show the phases of a session in ms and why it ended"),
    "tenant": Command("gateway.cli.tenant", "create and list tenants"),
    "location": Command("gateway.cli.location", "create and list Resource Locations"),
    "connector token": Command("gateway.cli.connector_token", "make a token that enrols a connector"),
    "connectors": Command("gateway.cli.connectors", "list connectors, or revoke one"),
    "pop token": Command("gateway.cli.pop_token", "make a token that enrols a POP"),
    "pops": Command("gateway.cli.pops", "list enrolled POPs, or revoke one"),
    "resource": Command("gateway.cli.resource", "add, list and remove what users can open"),
    "ldap": Command("gateway.cli.ldap", "let LDAP directories log users in; list, test, remove them"),
    "site": Command("gateway.cli.site", "add, check, list and remove delivery controllers"),
    "user": Command("gateway.cli.user", "add and list local users"),
    "session": Command("gateway.cli.session", "list sessions, or end one, or all of a user"),
    "portal": Command("gateway.cli.portal", "make, list and revoke keys of portals that request tickets"),
    "launch-file": Command("gateway.cli.launch_file", "write a launch file for one user and one resource"),
    "authority": Command("gateway.cli.authority", "show the authority's certificate; issue a server's"),
}
"""In the order of `itm-gateway --help`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if (pair := " ".join(words[:2])) in COMMANDS:
        words[:2] = [pair]
    args = _parser(words[:1]).parse_args(words)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except GatewayError as error:
        print(f"itm-gateway: {error}", file=sys.stderr)  # noqa: T201 - the command's one line of error
        return 2
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="itm-gateway", description="Clients to POPs to connectors to desktops, outbound only."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.help, description=command.help)
        if name in chosen:
            module = importlib.import_module(command.module)
            module.configure(sub)
            sub.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
