"""`itm-gateway connector`: run a connector in the network of the VDAs."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from gateway import log
from gateway.address import join_address, split_address
from gateway.connector.allow import parse_allow_list
from gateway.connector.outbound import parse_proxy
from gateway.connector.parked import KEPT
from gateway.connector.program import OWN_PORTS, Program, Settings
from gateway.errors import ConfigError
from gateway.resolve import parse_servers


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--state", type=Path, default=Path("state/connector"), help="key and certificate")
    parser.add_argument("--broker", default="", metavar="URL", help="https://HOST:PORT, to enrol")
    parser.add_argument("--token", default="", help="the one-time token of `connector token`, to enrol")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the authority's certificate, to enrol")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="HOST:PORTS",
        help="VDAs that may be reached, e.g. 10.0.0.0/8:1494,2598 (repeatable)",
    )
    parser.add_argument(
        "--vda",
        action="store_true",
        help=f"this machine is the VDA: serve it alone, without a connector (--allow {' '.join(OWN_PORTS)})",
    )
    parser.add_argument(
        "--pop",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="use these POP addresses instead of resolving the gateway's name (repeatable)",
    )
    parser.add_argument(
        "--resolver",
        action="append",
        default=[],
        metavar="ADDRESS[:PORT]",
        help="ask this name server for the gateway's name instead of the system's (repeatable)",
    )
    parser.add_argument(
        "--parked", type=int, default=KEPT, metavar="N", help=f"data channels opened in advance ({KEPT})"
    )
    parser.add_argument(
        "--proxy", metavar="URL", help="outbound proxy: http://HOST:PORT or socks5://HOST:PORT"
    )
    parser.add_argument("--capacity", type=int, default=1000, help="most sessions at a time")
    parser.add_argument("--drain-seconds", type=float, default=600.0, help="longest drain after SIGTERM")


def run(args: argparse.Namespace) -> int:
    """Run until stopped."""
    log.configure("connector")
    if not args.allow and not args.vda:
        raise ConfigError("allow: expected at least one HOST:PORTS, or --vda")
    settings = Settings(
        state=args.state,
        allow=parse_allow_list(args.allow or OWN_PORTS),
        is_agent=args.vda,
        resolvers=parse_servers(args.resolver),
        parked=args.parked,
        broker=args.broker,
        token=args.token,
        ca=args.ca,
        pops=tuple(join_address(*split_address(text)) for text in args.pop),
        proxy=parse_proxy(args.proxy) if args.proxy else None,
        capacity=args.capacity,
        drain_seconds=args.drain_seconds,
    )
    asyncio.run(Program(settings).run())
    return 0
