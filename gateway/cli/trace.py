"""`itm-gateway trace SESSION`: the phases of a launch in ms, what was carried, and why it ended."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError, NotFound, Unreachable


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "session", nargs="?", default="", help="the session's id; without it: the newest sessions"
    )
    parser.add_argument(
        "--state", type=Path, action="append", metavar="DIR",
        help="state directory of a POP on this machine (state/pop; repeatable)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the records of every POP asked."""
    records = [record for state in args.state or [Path("state/pop")] for record in _ask(state, args.session)]
    if not records:
        raise NotFound(f"no session {args.session}".rstrip())
    for record in sorted(records, key=lambda record: record["started"]):
        print(describe(record))
    return 0


def _ask(state: Path, session: str) -> list[dict[str, Any]]:
    try:
        address = (state / "admin").read_text().strip()
        with urllib.request.urlopen(f"http://{address}/sessions/{session}".rstrip("/"), timeout=5) as answer:  # noqa: S310
            return list(json.load(answer))
    except urllib.error.HTTPError:
        return []
    except FileNotFoundError as error:
        raise ConfigError(f"{state}: no POP has run here") from error
    except OSError as error:
        raise Unreachable(f"the POP of {state} does not answer: {error}") from error


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
            f"{record['session']}  wire {record['epoch']}, {record['mode']}, {at} UTC",
            f"  who     {record['user']} of {record['tenant']}, from {record['network']}",
            f"  what    {record['resource'] or '(resumed)'} at {record['location']}",
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


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g} ms"
