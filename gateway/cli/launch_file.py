"""`itm-gateway launch-file`: a launch file with a fresh ticket, for one user and one resource."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from gateway.broker import config, desk, users
from gateway.broker.authority import CA_FILE
from gateway.broker.tickets import LIFETIME_SECONDS
from gateway.cli.columns import next_step
from gateway.errors import ConfigError, NotFound


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("resource", metavar="RESOURCE", help="name or id")
    parser.add_argument("--user", required=True, metavar="NAME")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (stdout)")
    config.configure(parser, tenant=True)


def run(args: argparse.Namespace) -> int:
    """Write the file."""
    settings = config.of(args)
    with desk.opened(settings) as opened:
        if args.user not in users.listing(opened.engine, tenant=args.tenant):
            raise NotFound(f"{args.tenant} has no user {args.user}: itm-gateway user add {args.user}")
        text = opened.launcher.launch(args.resource, args.user, tenant=args.tenant, now=opened.clock()).text
    if args.output is None:
        sys.stdout.write(text)
        return 0
    _write(args.output, text)
    name = shlex.quote(str(args.output))
    root = shlex.quote(str(settings.state_dir / CA_FILE))
    next_step(f"within {LIFETIME_SECONDS:.0f} s: itm-gateway launch {name} --ca {root}")
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"output: {path}: {error.strerror}") from error
