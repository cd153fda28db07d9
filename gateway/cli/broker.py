"""`itm-gateway broker`: run the broker."""

from __future__ import annotations

import argparse
import asyncio

from gateway import log
from gateway.broker import config, desk, program


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    config.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    log.configure("broker")
    with desk.opened(config.of(args)) as opened:
        asyncio.run(program.run(opened))
    return 0
