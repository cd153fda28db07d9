"""`itm probe`: check POPs from here for a server elsewhere; invite, list and revoke such agents."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from collectors.probe.agent import program
from itm import log
from itm.cli import client
from itm.cli.client import OpsClient
from itm.cli.columns import columns, show_time
from itm.cli.duration import parse_duration
from itm.dns.openfiles import raise_limit
from itm.errors import ConfigError
from itm.stopping import stop_requested


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    agent = actions.add_parser("agent", help="check POPs from here and report to a server")
    agent.add_argument("--server", required=True, metavar="URL", help="the public listener, https://…")
    agent.add_argument("--token-file", type=Path, metavar="FILE", help="one-time token, for the first start")
    agent.add_argument(
        "--ca", type=Path, metavar="FILE", help="authorities of the server's certificate (PEM)"
    )
    agent.add_argument(
        "--state", type=Path, default=Path("probe-agent"), metavar="DIR", help="where the credential is kept"
    )
    token = actions.add_parser("token", help="one-time tokens that agents enrol with")
    create = token.add_subparsers(metavar="ACTION", required=True, dest="token_action").add_parser("create")
    create.add_argument("--name", required=True, help="what the agent is called")
    create.add_argument("--region", required=True, help="where it is: the quorum is one of regions")
    create.add_argument("--ttl", type=parse_duration, metavar="1h", help="of the token (default: 1h)")
    create.add_argument("--for", type=parse_duration, metavar="365d", dest="seconds", help="of the agent")
    listing = actions.add_parser("list", help="the agents and when they reported last")
    listing.add_argument("--json", action="store_true", help="the API's answer as it is")
    revoke = actions.add_parser("revoke", help="let an agent say nothing any more")
    revoke.add_argument("name", metavar="NAME")
    for action in (create, listing, revoke):
        client.configure(action)


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 if it was done."""
    if args.action == "agent":
        return _work(args)
    actions: dict[str, Callable[[OpsClient, argparse.Namespace], None]] = {
        "token": _invite,
        "list": _list,
        "revoke": _revoke,
    }
    actions[args.action](client.client_of(args), args)
    return 0


def _work(args: argparse.Namespace) -> int:
    log.configure("agent")
    raise_limit()
    settings = program.Settings(_server(args.server), args.state, _token(args.token_file), args.ca)
    try:
        asyncio.run(_until_stopped(settings))
    except OSError as error:  # of the files named; the network's errors end in the agent
        where = error.filename or args.ca or args.state
        raise ConfigError(f"{where}: {error.strerror or error}") from error
    return 0


async def _until_stopped(settings: program.Settings) -> None:
    working = asyncio.ensure_future(program.run(settings))
    stopping = asyncio.ensure_future(stop_requested(supervised=False))
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (stopping, working):
        if not task.done():
            task.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    try:
        await working
    except asyncio.CancelledError:
        return


def _server(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return url
    raise ConfigError(f"--server: expected https://… (http:// to loopback only), got {url}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(path: Path | None) -> str:
    try:
        return path.read_text().strip() if path else ""
    except OSError as error:
        raise ConfigError(f"--token-file {path}: {error.strerror}") from error


def _invite(ops: OpsClient, args: argparse.Namespace) -> None:
    body = {"name": args.name, "region": args.region}
    body |= {"token_seconds": args.ttl} if args.ttl is not None else {}
    body |= {"for_seconds": args.seconds} if args.seconds is not None else {}
    print(ops.post("/api/v1/probe/agents", body)["token"])


def _list(ops: OpsClient, args: argparse.Namespace) -> None:
    answer = ops.get("/api/v1/probe/agents")
    if args.json:
        print(json.dumps(answer, indent=2))
        return
    rows = []
    for agent in answer["agents"]:
        age = agent.get("age_seconds")
        heard = "" if age is None else f"{age:.0f} s ago"
        outcomes = str(agent.get("outcomes") or "")
        is_current = agent.get("plan") in (None, answer["plan"])
        until = show_time(agent.get("expires_at"))
        rows.append(
            (
                agent["name"],
                agent["region"],
                agent["state"],
                heard,
                outcomes,
                "" if is_current else "old",
                until,
            )
        )
    print(columns(("name", "region", "state", "reported", "outcomes", "plan", "until"), rows))


def _revoke(ops: OpsClient, args: argparse.Namespace) -> None:
    ops.delete(f"/api/v1/probe/agents/{quote(args.name, safe='')}")
    print(f"{args.name} is revoked")
