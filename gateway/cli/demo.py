"""`itm-gateway demo`: a whole gateway on loopback, for a newcomer."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from gateway import log
from gateway.demo import program
from gateway.demo.plan import PORT, Plan
from gateway.demo.tether import tie


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--state", type=Path, default=Path("state/gateway"), metavar="DIR", help="(state/gateway)"
    )
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"on 127.20.1.1 to .4 ({PORT})")
    parser.add_argument(
        "--supervisor", type=int, metavar="PID", help="print nothing, and end when this parent does"
    )


def run(args: argparse.Namespace) -> int:
    """Run until stopped."""
    if args.supervisor is not None:
        tie(args.supervisor)
    log.configure("gateway")
    plan = Plan(args.state, args.port)
    program.prepare(plan)
    asyncio.run(program.run(plan, is_quiet=args.supervisor is not None))
    return 0
