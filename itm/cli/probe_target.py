"""`itm probe-target`: serves the objects that probes and browsers fetch, on the addresses given."""

from __future__ import annotations

import argparse
from pathlib import Path

from itm import log
from itm.dns.certificate import Pair
from itm.dns.listen import parse as parse_listen
from itm.errors import ConfigError
from itm.ops import nelpolicy, target
from itm.ops.https import Https

SETTINGS = ("--certificate", "--key")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--listen", nargs="+", required=True, metavar="ADDRESS:PORT", help="where to listen")
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="speak HTTPS with it: PEM, with its chain"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="its key, if not in the same file")
    parser.add_argument("--report-to", default="", metavar="URL", help="where browsers report failures (NEL)")
    least, usual = nelpolicy.LEAST_FRACTION, nelpolicy.SUCCESS_FRACTION
    parser.add_argument(
        "--success-fraction",
        type=float,
        default=usual,
        metavar="SHARE",
        help=f"of successes reported as well: 0, or {least} to 1 ({usual})",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    log.configure("target")
    listens = [parse_listen(text, "--listen") for text in args.listen]
    policy = nelpolicy.policy(args.report_to, args.success_fraction)
    target.run(listens, secure=_secure(args), headers=policy)
    return 0


def _secure(args: argparse.Namespace) -> Https | None:
    if args.certificate is None:
        if args.key is not None:
            raise ConfigError("--key: needs --certificate")
        return None
    return Https(Pair(args.certificate, args.key or args.certificate), SETTINGS)
