"""`itm probe-target`: serves the objects that probes and browsers fetch, on the addresses given."""

from __future__ import annotations

import argparse

from itm import log
from itm.dns.listen import parse as parse_listen
from itm.ops import target


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--listen", nargs="+", required=True, metavar="ADDRESS:PORT", help="where to listen")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    log.configure("target")
    target.run([parse_listen(text, "--listen") for text in args.listen])
    return 0
