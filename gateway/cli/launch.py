"""`itm-gateway launch`: open a launch file: the client's side of a session."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from gateway import log
from gateway.address import split_address
from gateway.errors import ConfigError
from gateway.launch.file import read_launch_file
from gateway.launch.program import Launch
from gateway.launch.wire import client_context
from gateway.resolve import by_servers, parse_servers


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, help="the launch file (.ica)")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="wait for one local client")
    way.add_argument("--stdio", action="store_true", help="use standard input and output (ssh ProxyCommand)")
    parser.add_argument("--ca", metavar="FILE", help="trust this authority instead of the system's")
    parser.add_argument(
        "--resolver", action="append", default=[], metavar="ADDRESS[:PORT]",
        help="ask this name server for the gateway's name instead of the system's (repeatable)",
    )  # fmt: skip
    parser.add_argument("--verbose", action="store_true", help="tell of lost wires and resumes on stderr")


def run(args: argparse.Namespace) -> int:
    """Serve one session; 1 when it did not end in order."""
    log.configure("launch", logging.INFO if args.verbose else logging.WARNING)
    try:
        context = client_context(args.ca)
    except OSError as error:
        raise ConfigError(f"ca: {args.ca}: {error}") from error
    host, port = split_address(args.listen, least_port=0)
    resolve = by_servers(parse_servers(args.resolver))
    launch = Launch(read_launch_file(args.file), context, resolve=resolve)
    serving = launch.serve_stdio() if args.stdio else launch.serve_listener(host, port)
    return 0 if asyncio.run(serving) is None else 1
