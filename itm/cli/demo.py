"""`itm demo beacons`: play the users of one network who find a POP slow, through the real endpoint.

Nothing is switched off for it: it asks for its sessions, measures what they plan, and sends what the guards
demand (enough samples, from enough addresses, above the speed of light); then it waits for the builds that
must agree.
"""

from __future__ import annotations

import argparse
import ipaddress
import random
import time
from typing import Any

from itm.cli import client, settings
from itm.cli.client import OpsClient
from itm.errors import ItmError
from itm.ops.front import Front
from itm.simulate.pageview import PageViews

CLIENTS = 8
SESSIONS_PER_CLIENT = 6

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
    truth = _truth(story, args.slow)
    sent, measured = _send_all(PageViews(config.public.listen), prefix, truth)
    if args.slow not in measured:
        raise ItmError(
            f"--slow: no session plan of {prefix} had {args.slow}; they measure {', '.join(measured)}"
        )
    print(f"sent {sent} measurements from {CLIENTS} addresses of {prefix}: {args.slow} is slow")
    print(f"served now: {before}; two builds in a row must agree before a network moves ...")
    return _await_change(ops, Front(config), args.name, address, before)


def _truth(story: dict[str, Any], slow: str) -> dict[str, float]:
    """Return the RTTs that this network's users see: as estimated, but the slow POP."""
    truth = {p["pop"]: float(p["estimate_ms"]) for p in story["pops"]}
    truth[slow] += SLOWER_MS
    return truth


def _send_all(
    views: PageViews, prefix: ipaddress.IPv4Network | ipaddress.IPv6Network, truth: dict[str, float]
) -> tuple[int, list[str]]:
    """Play every client's sessions; return the measurements sent, and the POPs they were of."""
    rng = random.Random(str(prefix))
    sent = 0
    measured: set[str] = set()
    for number in range(1, CLIENTS + 1):
        address = str(prefix[number])
        probes = [probe for _ in range(SESSIONS_PER_CLIENT) for probe in views.session(address)]
        if not probes:
            raise ItmError(f"nothing to measure for {address}: is collect.network_sessions_per_hour spent?")
        items = [
            {"pop": probe["pop"], "token": probe["token"], "metric": metric, "value": value}
            for probe in probes
            for metric, value in (
                ("availability", 1.0),
                ("rtt_ms", round(truth[probe["pop"]] + rng.expovariate(0.5), 2)),
            )
        ]
        views.report(address, items)
        sent += len(items)
        measured |= {probe["pop"] for probe in probes}
    return sent, sorted(measured)


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
