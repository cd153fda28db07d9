"""`itm feed FILE`: sends measurements to the running server; done means they are on its disk.

With `--follow` it goes on with whatever is added to the file, until it is told to stop (`follow`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from itm.cli import client
from itm.cli.duration import parse_duration
from itm.cli.feeding import sent
from itm.cli.follow import Follower, Pace, until_told
from itm.errors import ConfigError

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
    parser.add_argument("--follow", action="store_true", help="go on with what is added to the file")
    parser.add_argument("--position", type=Path, metavar="FILE", help="of --follow: default FILE.position")
    parser.add_argument(
        "--batch-rows", type=_at_least_one, default=5000, metavar="N", help="of --follow: most rows at once"
    )
    parser.add_argument(
        "--batch-wait",
        type=parse_duration,
        default=1.0,
        metavar="1s",
        help="of --follow: longest wait of a row for others",
    )
    client.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Send the file; 0 when every row was taken, 1 when some were refused (each with its line)."""
    if args.follow:
        return _follow(args)
    path = "/api/v1/feed?shift_to_now=1" if args.shift_to_now else "/api/v1/feed"
    answer = sent(client.client_of(args), path, _content(args.file), "application/octet-stream")
    for reason in answer["reasons"][:SHOWN]:
        print(f"{args.file}:{reason['line']}: {reason['text']}", file=sys.stderr)
    if answer["refused"] > SHOWN:
        print(f"... and {answer['refused'] - SHOWN} more", file=sys.stderr)
    shifted = f", shifted by {answer['shifted_seconds']:.0f} s" if args.shift_to_now else ""
    loads = f", {answer['loads']} loads" if answer.get("loads") else ""
    print(f"{answer['accepted']} measurements accepted{loads}, {answer['refused']} refused{shifted}")
    return 1 if answer["refused"] else 0


def _follow(args: argparse.Namespace) -> int:
    if args.file == "-" or args.shift_to_now:
        raise ConfigError("--follow: takes a file by its name, and no --shift-to-now")
    path = Path(args.file)
    position = args.position or path.with_name(f"{path.name}.position")
    with until_told() as wait:
        follower = Follower(
            path,
            position,
            client.client_of(args),
            Pace(args.batch_rows, args.batch_wait),
            wait=wait,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
        follower.run()
    told = follower.totals
    print(f"{told['accepted']} measurements accepted, {told['loads']} loads, {told['refused']} refused")
    return 0


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of rows, got {text!r}")
    return int(text)


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
