"""`itm-gateway trace SESSION`: the phases of a launch in ms, what was carried, and why it ended."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError, GatewayError, NotFound, Unreachable


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "session", nargs="?", default="", help="the session's id; without it: the newest sessions"
    )
    parser.add_argument(
        "--admin", action="append", default=[], metavar="HOST:PORT",
        help="admin address of a POP, `--admin` of `itm-gateway pop`, maybe through ssh -L (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--state", type=Path, action="append", metavar="DIR",
        help="state directory of a POP on this machine (state/pop; repeatable)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the records of every POP asked, in the order of time; what a session ended by stands last."""
    states = args.state if args.state or args.admin else [Path("state/pop")]
    addresses = [*args.admin, *(_address(state) for state in states or ())]
    records: list[dict[str, Any]] = []
    fault: GatewayError = NotFound(f"no session {args.session}".rstrip())
    for address in addresses:
        try:
            records += _ask(address, args.session)
        except Unreachable as error:  # a dead POP does not hide what the others know
            fault = error
            print(f"itm-gateway: {error}", file=sys.stderr)
    if not records:
        raise fault
    for record in sorted(records, key=lambda record: record["started"]):
        print(describe(record))
    return 0


def _address(state: Path) -> str:
    try:
        return (state / "admin").read_text().strip()
    except OSError as error:
        raise ConfigError(f"{state}: no POP has run here") from error


def _ask(address: str, session: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://{address}/sessions/{session}".rstrip("/"), timeout=5) as answer:  # noqa: S310
            return list(json.load(answer))
    except urllib.error.HTTPError:
        return []
    except (OSError, ValueError) as error:
        raise Unreachable(f"the POP at {address} does not answer: {error}") from error


def describe(record: dict[str, Any]) -> str:
    """Return one record as lines of text."""
    at = datetime.fromtimestamp(record["started"], UTC).strftime("%Y-%m-%d %H:%M:%S")
    phases = ", ".join(f"{name} {ms:g} ms" for name, ms in record["phases"].items())
    end = "running"
    if record["ended"] is not None:
        seconds = record["ended"] - record["started"]
        end = f"{record['code']} after {seconds:.1f} s" + (
            f": {record['detail']}" if record["detail"] else ""
        )
    return "\n".join(
        [
            f"{record['session']}  wire {record['epoch']}, {record['mode']}, at {record['pop']}, {at} UTC",
            f"  who     {record['user']} of {record['tenant']}, from {record['network']}",
            f"  what    {record['resource'] or _resumed(record)} at {record['location']}",
            f"  by      {_way(record)}",
            f"  phases  {phases}",
            f"  rtt     client {_ms(record['client_rtt_ms'])}, connector {_ms(record['connector_rtt_ms'])}",
            f"  bytes   {record['from_client']} from the client, {record['from_vda']} from the VDA",
            f"  end     {end}",
        ]
    )


def _way(record: dict[str, Any]) -> str:
    if not record["connector"]:
        return "no connector"
    return f"{record['connector']} ({record['way']})"


def _resumed(record: dict[str, Any]) -> str:
    why = {"lost": "the wire before was lost", "silent": "it fell silent", "drain": "its POP drains"}
    return f"(resumed: {why[record['cause']]})" if record["cause"] in why else "(resumed)"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g} ms"
