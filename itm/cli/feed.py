"""`itm feed FILE`: sends measurements to the running server; done means they are on its disk."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from itm.cli import client
from itm.cli.client import OpsClient
from itm.errors import ConfigError, Refused

SHOWN = 20
"""Refused rows printed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="CSV or NDJSON: network (or address), pop, metric, value, time; - for stdin",
    )
    parser.add_argument(
        "--shift-to-now", action="store_true", help="move all times so that the newest row is now"
    )
    client.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Send the file; 0 when every row was taken, 1 when some were refused (each with its line)."""
    path = "/api/v1/feed?shift_to_now=1" if args.shift_to_now else "/api/v1/feed"
    answer = _sent(client.client_of(args), path, _content(args.file))
    for reason in answer["reasons"][:SHOWN]:
        print(f"{args.file}:{reason['line']}: {reason['text']}", file=sys.stderr)
    if answer["refused"] > SHOWN:
        print(f"... and {answer['refused'] - SHOWN} more", file=sys.stderr)
    shifted = f", shifted by {answer['shifted_seconds']:.0f} s" if args.shift_to_now else ""
    loads = f", {answer['loads']} loads" if answer.get("loads") else ""
    print(f"{answer['accepted']} measurements accepted{loads}, {answer['refused']} refused{shifted}")
    return 1 if answer["refused"] else 0


def _sent(ops: OpsClient, path: str, content: bytes) -> Any:
    """Return what became of the rows; also when the server took none of them, which it answers with 400."""
    try:
        return ops.send("POST", path, content, "application/octet-stream")
    except Refused as error:
        if isinstance(error.answer, dict) and "accepted" in error.answer:
            return error.answer
        raise


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
