"""`python -m bench.session [--rounds N]`: what a session costs the edge, and what its tokens cost a beacon.

Every part stands beside a limit or a peer: a whole plan (offer of a real-size map, table of the shipped
places and 20,000 measured networks, four tokens, JSON) beside one millisecond; a token beside HMAC-SHA-256
of the same bytes; a beacon of fifty measurements with tokens beside the same without. CPU time of this
process.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.build.world import measured, world
from bench.dns.world import build
from bench.report import publish, setting, spread
from collectors.network import Network
from collectors.rum import beacon
from collectors.rum.plan import COUNT
from collectors.rum.register import TokenRegister
from collectors.rum.token import KEY_BYTES, TokenKeys
from itm.catalog.types import Catalog
from itm.config import Collect, Config
from itm.ops.live import Version
from itm.ops.metrics import Registry
from itm.ops.sessions import Sessions
from itm.routemap import current, snapshot
from itm.steer.evidence import Evidence
from itm.steer.explore import ExplorationFiles

NETWORKS: Final = 20_000
PLANS: Final = 3_000
TOKENS: Final = 20_000
BEACONS: Final = 400
METRICS: Final = (("availability", 1), ("rtt_ms", 42.5), ("connect_ms", 60.2), ("throughput_kbps", 9000.0))
HOME: Final = Network.of("133.11.0.1")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.session", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    publish("session", measure(arguments.rounds))


def measure(rounds: int) -> dict[str, Any]:
    """Return the numbers by name: microseconds of CPU as median, least and most, and ratios of medians."""
    with tempfile.TemporaryDirectory() as folder:
        plan, write_seconds, size = _planning(Path(folder))
        parts = {"plan": plan, **_tokens(), **_beacons(rounds)}
        times: dict[str, list[float]] = {name: [] for name in parts}
        for _, (name, (work, count)) in itertools.product(range(rounds), parts.items()):
            started = time.process_time()
            work()
            times[name].append((time.process_time() - started) / count * 1e6)
    median = {name: float(np.median(values)) for name, values in times.items()}
    return {
        "setting": setting(load_average=os.getloadavg()[0], rounds=rounds, networks_measured=NETWORKS),
        "table_mb": round(size / 1e6, 2),
        "table_write_cpu_seconds": round(write_seconds, 2),
        "microseconds": {name: spread(values) for name, values in times.items()},
        "plan_of_a_millisecond": round(median["plan"] / 1000, 3),
        "token_against_hmac_sha256": round(median["blake2b"] / median["hmac_sha256"], 2),
        "tokens_on_a_beacon_of_fifty": round(median["beacon_with_tokens"] / median["beacon_without"], 2),
        "measurements_per_second_with_tokens": round(50e6 / median["beacon_with_tokens"]),
    }


def _planning(state: Path) -> tuple[tuple[Callable[[], None], int], float, int]:
    """Return the work of many plans and their number; what the table cost to write, and its bytes."""
    one = world()
    pops = tuple(
        replace(pop, id=f"pop-{number}", probe_url=f"https://pop-{number}.probe.example.net")
        for number, pop in enumerate(one.catalog.pops, 1)
    )
    one = replace(one, catalog=Catalog(pops, one.catalog.services, ()))
    aggregates = measured(one, NETWORKS)
    evidence = Evidence.of(aggregates, one.pops)
    files = ExplorationFiles(state)
    files.write(one, aggregates, evidence)
    later = replace(aggregates, n=aggregates.n * np.float32(0.9))
    started = time.process_time()
    files.write(one, later, evidence)
    write_seconds = time.process_time() - started
    snapshot.write(build(1), current.path_of(state / "maps", 1))
    current.publish(state / "maps", 1)
    unlimited = Collect(network_sessions_per_hour=120, sessions_per_second=0)
    config = Config(state=str(state), collect=unlimited)
    sessions = Sessions(config, Registry(), time.time, lambda _session, _network: None)
    sessions.read_files()
    live = Version(1, one.catalog, frozenset(one.pops))
    rng = np.random.default_rng(2)
    starts = one.places.v4_start[one.places.v4_place > 0]
    networks = [Network(4, int(unit)) for unit in rng.choice(starts, PLANS)]

    def plans() -> None:
        for network in networks:
            assert sessions.plan(b'{"service": "gw.example.net"}', network, live).status == 200

    return (plans, PLANS), write_seconds, (state / "exploration.itm").stat().st_size


def _tokens() -> dict[str, tuple[Callable[[], None], int]]:
    keys, secret, claims = TokenKeys([b"k" * KEY_BYTES]), b"k" * KEY_BYTES, bytes(32)
    token = keys.sign(HOME, "pop-1", 2**31, bytes(8))

    def sign() -> None:
        for _ in range(TOKENS):
            keys.sign(HOME, "pop-1", 2**31, bytes(8))

    def verify() -> None:
        for _ in range(TOKENS):
            keys.verify(token, HOME, 1.7e9)

    def bare(mac: Callable[[], bytes]) -> Callable[[], None]:
        def work() -> None:
            for _ in range(TOKENS):
                mac()

        return work

    return {
        "sign": (sign, TOKENS),
        "verify": (verify, TOKENS),
        "blake2b": (bare(lambda: _blake2b(claims, secret)), TOKENS),
        "hmac_sha256": (bare(lambda: hmac.digest(secret, claims, "sha256")), TOKENS),
    }


def _blake2b(claims: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(claims, digest_size=16, key=secret, person=b"itm-rum-token-1").digest()


def _beacons(rounds: int) -> dict[str, tuple[Callable[[], None], int]]:
    """Fifty measurements of thirteen probes, as a proxy of many page views sends them."""
    register = TokenRegister(TokenKeys([b"k" * KEY_BYTES]), life_seconds=300, most_spent=500_000)
    pops = frozenset(f"pop-{number}" for number in range(COUNT))
    now = 1.7e9

    def body() -> bytes:
        probes = [(f"pop-{n % COUNT}", register.issue(HOME, f"pop-{n % COUNT}", now)) for n in range(13)]
        items = [
            {"pop": pop, "metric": metric, "value": value, "token": token}
            for pop, token in probes
            for metric, value in METRICS
        ]
        return json.dumps(items[:50]).encode()

    bodies = iter([body() for _ in range(BEACONS * rounds)])
    same = [body() for _ in range(BEACONS)]

    def with_tokens() -> None:
        for _ in range(BEACONS):
            found = beacon.parse(next(bodies), network=HOME, client=7, now=now, pops=pops, tokens=register)
            assert len(found.accepted) == 50
            register.spend(found.claims, now)

    def without() -> None:
        for one in same:
            assert len(beacon.parse(one, network=HOME, client=7, now=now, pops=pops).accepted) == 50

    return {"beacon_with_tokens": (with_tokens, BEACONS), "beacon_without": (without, BEACONS)}


if __name__ == "__main__":
    main()
