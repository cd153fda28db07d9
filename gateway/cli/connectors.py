"""`itm-gateway connectors`: list what is enrolled, or revoke one."""

from __future__ import annotations

import argparse

from gateway.cli import peers


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    peers.configure(parser, "connector")


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    return peers.run(args, "connector")
