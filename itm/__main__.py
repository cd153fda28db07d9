"""The `itm` command: one table of commands; only the chosen one's module is imported.

A command module has `configure(parser)` and `run(args) -> int`. An error we raise on purpose is one
line on stderr and exit status 2; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from collectors.errors import CollectorsError
from itm.errors import ItmError
from models.errors import ModelError


class Command(NamedTuple):
    """Where a command lives and what it does, in one line."""

    module: str
    help: str


COMMANDS: Final = {
    "serve": Command("itm.cli.serve", "run the server: DNS, HTTP, probes, builder"),
    "query": Command("itm.cli.query", "ask a DNS server, with a client subnet if wanted"),
    "why": Command("itm.cli.why", "explain the answer one client gets"),
    "probe": Command("itm.cli.probe", "check POPs from elsewhere: agents, their tokens"),
    "zone": Command("itm.cli.zone", "list zones, guide their keys, print their DS"),
    "pop": Command("itm.cli.pop", "list POPs, or force one up, down or drained"),
    "demand": Command("itm.cli.demand", "show who is where: the heaviest networks, ASes and countries"),
    "source": Command("itm.cli.source", "show which source was last heard of which POP"),
    "catalog": Command("itm.cli.catalog", "check, compare, apply and roll back the catalog"),
    "step": Command("itm.cli.step", "list and try operators' own steps of a chain"),
    "map": Command("itm.cli.map", "show the published route maps, or go back to one"),
    "replay": Command("itm.cli.replay", "what a changed catalog or predictor would make of the last day"),
    "feed": Command("itm.cli.feed", "send a file of measurements to the server"),
    "export": Command("itm.cli.export", "write the journal's measurements as CSV or Parquet"),
    "token": Command("itm.cli.token", "create, list and revoke API tokens"),
    "demo": Command("itm.cli.demo", "act as clients of the demo"),
    "model": Command(
        "itm.cli.model", "train, evaluate and show the latency predictor, and whether it drifted"
    ),
    "geoip": Command("itm.cli.geoip", "look into and compact GeoIP databases"),
    "simulate": Command("itm.cli.simulate", "let recorded clients and made-up worlds meet the real code"),
    "probe-target": Command("itm.cli.probe_target", "serve the objects that probes and browsers fetch"),
    "worker": Command("itm.cli.worker", "one process of `serve` (started by it)"),
}
"""In the order of `itm --help`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = _parser(words[:1]).parse_args(words)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except (ItmError, ModelError, CollectorsError) as error:
        print(f"itm: {error}", file=sys.stderr)  # noqa: T201 - the command's one line of error
        return 2
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="itm", description="Authoritative GeoDNS that learns, decides and explains."
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
