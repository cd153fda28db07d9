"""`itm demo beacons`: play the users of one network who find a POP slow, through the real endpoint.

Nothing is switched off for it: it sends what the guards demand (enough samples, from enough addresses,
above the speed of light) and then waits for the builds that must agree.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import random
import time
import urllib.error
import urllib.request
from typing import Any

from itm.cli import client, settings
from itm.cli.client import OpsClient
from itm.errors import ItmError, Refused
from itm.ops.front import Front

CLIENTS = 8
SAMPLES_PER_CLIENT = 6
MEASURED_POPS = 4
"""A session measures at most four POPs (C15)."""

SLOWER_MS = 150.0
WAIT_SECONDS = 150.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    text = "report a slow POP from one network, and wait until its answer changes"
    beacons = actions.add_parser("beacons", help=text, description=text)
    beacons.add_argument(
        "--from", required=True, metavar="PREFIX", dest="network", help="an IPv4 /24 or IPv6 /48"
    )
    beacons.add_argument("--slow", required=True, metavar="POP", help="the POP that is slow for them")
    beacons.add_argument("--name", default="gw.example.net", help="the steered name (default: %(default)s)")
    client.configure(beacons)


def run(args: argparse.Namespace) -> int:
    """Send and wait; 0 if the answer changed, 1 if it did not in time."""
    try:
        prefix = ipaddress.ip_network(args.network)
    except ValueError as error:
        raise ItmError(f"--from: {error}") from error
    ops = client.client_of(args)
    address = str(prefix[1])
    story = ops.get("/api/v1/why", name=args.name, client=address)
    before = story["answer"]["pop"]
    if args.slow not in [p["pop"] for p in story["pops"]]:
        raise ItmError(f"--slow: there is no POP {args.slow}")
    config = settings.config_of(args)
    url = f"http://{config.public.listen}/rum/v1/beacon"
    sent = _send_all(url, prefix, _truth(story, args.slow))
    print(f"sent {sent} measurements from {CLIENTS} addresses of {prefix}: {args.slow} is slow")
    print(f"served now: {before}; two builds in a row must agree before a network moves ...")
    return _await_change(ops, Front(config), args.name, address, before)


def _truth(story: dict[str, Any], slow: str) -> dict[str, float]:
    """Return the RTTs that this network's users see: as estimated, but the slow POP."""
    fastest = [p for p in story["pops"] if not p["out"] and p["pop"] != slow][: MEASURED_POPS - 1]
    truth = {p["pop"]: float(p["estimate_ms"]) for p in fastest}
    truth[slow] = next(float(p["estimate_ms"]) for p in story["pops"] if p["pop"] == slow) + SLOWER_MS
    return truth


def _send_all(
    url: str, prefix: ipaddress.IPv4Network | ipaddress.IPv6Network, truth: dict[str, float]
) -> int:
    rng = random.Random(str(prefix))
    sent = 0
    for number in range(1, CLIENTS + 1):
        batch = [
            {"pop": pop, "metric": metric, "value": value}
            for _ in range(SAMPLES_PER_CLIENT)
            for pop, rtt in truth.items()
            for metric, value in (("rtt_ms", round(rtt + rng.expovariate(0.5), 2)), ("availability", 1))
        ]
        _send(url, str(prefix[number]), batch)
        sent += len(batch)
    return sent


def _send(url: str, address: str, batch: list[dict[str, Any]]) -> None:
    request = urllib.request.Request(  # noqa: S310 - the server's own public listener
        url,
        data=json.dumps(batch).encode(),
        headers={"Content-Type": "application/json", "X-Forwarded-For": address},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            text = response.read()
    except urllib.error.HTTPError as error:
        raise Refused(error.code, f"{url}: {error.read().decode(errors='replace')}") from error
    except OSError as error:
        raise Refused(503, f"{url}: {error}: is `itm serve` running?") from error
    refused = json.loads(text).get("refused") if text else None
    if refused:
        raise ItmError(f"the server refused measurements of {address}: {refused}")


def _await_change(ops: OpsClient, front: Front, name: str, address: str, before: str) -> int:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        story = ops.get("/api/v1/why", name=name, client=address)
        # Workers take a new map within half a second of its publication: ask DNS itself, where we can.
        if story["answer"]["pop"] != before and _is_answered(front, name, story):
            print(
                f"map {story['map']['version']}: {story['network']} is now sent to {story['answer']['pop']}"
            )
            return 0
        time.sleep(1.0)
    print(f"still {before} after {WAIT_SECONDS:.0f} s: `itm why {name} --client {address}` tells why")
    return 1


def _is_answered(front: Front, name: str, story: dict[str, Any]) -> bool:
    """Say whether DNS gives the explained answer; for IPv6, which `Front` does not ask about, believe it."""
    network = str(story["network"])
    return ":" in network or front.pop_of(name, network) == story["answer"]["pop"]
