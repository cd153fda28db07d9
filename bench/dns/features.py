"""What each feature costs: CPU time of the real worker per answer, all switched on, beside a bare echo.

python -m bench.dns.features [--seconds 2] [--rounds 3]

One worker serves a signed zone with cookies, an identity and a rate limit that nobody reaches; what differs
is what is asked. In turns of shuffled order; the least of each is taken, as other load can only add. JSON.
"""

from __future__ import annotations

import argparse
import random
import struct
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import report
from bench.dns import idle, load
from bench.dns.__main__ import BAR_PER_SECOND, Server
from bench.dns.world import NAME, ZONE, put
from itm.dns import cookie, signer
from itm.dns.cookie import Cookies
from itm.dns.name import encode

COUNT = 20_000
A = 1
DO = 0x8000
Options = Callable[[random.Random], bytes]


def option(code: int, data: bytes) -> bytes:
    return struct.pack(">HH", code, len(data)) + data


def subnet(rng: random.Random) -> bytes:
    return option(8, b"\0\1\x18\0" + rng.randbytes(3))


def packets(name: Callable[[random.Random], str], options: Options | None, *, ttl: int = 0) -> list[bytes]:
    """Return queries with an OPT that has these options, or without OPT."""
    rng, found = random.Random(1), []
    for number in range(COUNT):
        opt = b""
        if options is not None:
            data = options(rng)
            opt = struct.pack(">BHHIH", 0, 41, 1232, ttl, len(data)) + data
        head = struct.pack(">6H", number & 0xFFFF, 0, 1, 0, 0, int(options is not None))
        found.append(head + encode(name(rng)) + struct.pack(">HH", A, 1) + opt)
    return found


def asked(cookies: Cookies) -> dict[str, list[bytes]]:
    """Return the queries of every feature."""
    known = cookies.answer(b"8 bytes!", "127.0.0.1")[0]

    def steered(_: random.Random) -> str:
        return NAME

    def absent(rng: random.Random) -> str:
        return f"{rng.getrandbits(48):x}.{ZONE.name}"

    return {
        "plain": packets(steered, None),
        "ecs": packets(steered, subnet),
        "ecs and DO": packets(steered, subnet, ttl=DO),
        "cookie of a new client": packets(steered, lambda rng: option(cookie.OPTION, rng.randbytes(8))),
        "cookie": packets(steered, lambda _: known),
        "cookie, ecs and DO": packets(steered, lambda rng: known + subnet(rng), ttl=DO),
        "NXDOMAIN": packets(absent, lambda _: b""),
        "NXDOMAIN and DO": packets(absent, lambda _: b"", ttl=DO),
    }


def compare(maps: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """Measure every feature in turns."""
    servers = {"echo": Server("echo"), "bare": Server("node", str(maps)), "whole": Server("whole", str(maps))}
    cookies = Cookies(cookie.load(maps / cookie.FILE), time.time)
    kinds = asked(cookies)
    over_tls = partial(load.stream, is_tls=True)
    jobs: dict[str, tuple[Server, Callable[..., tuple[int, float]], int, list[bytes]]] = {
        name: (servers["whole"], load.saturate, 0, found) for name, found in kinds.items()
    }
    jobs["echo"] = servers["echo"], load.saturate, 0, kinds["ecs"]
    jobs["ecs, all else off"] = servers["bare"], load.saturate, 0, kinds["ecs"]
    jobs["ecs over TCP, pipelined"] = servers["whole"], load.stream, 0, kinds["ecs"]
    jobs["ecs over TLS, pipelined"] = servers["whole"], over_tls, 1, kinds["ecs"]
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name in random.sample(sorted(jobs), len(jobs)):
            server, send, place, some = jobs[name]
            send(server.ports[place], some, 0.2)
            before = server.cpu_seconds()
            answers, _ = send(server.ports[place], some, seconds)
            found[name].append((server.cpu_seconds() - before) / answers * 1e6)
    for server in servers.values():
        server.stop()
    least = {name: min(runs) for name, runs in found.items()}
    return {
        name: {
            "cpu_us": round(cost, 2),
            "per_cpu_second": round(1e6 / cost),
            "ratio_to_echo": round(cost / least["echo"], 2),
        }
        for name, cost in sorted(least.items(), key=lambda pair: pair[1])
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dns.features", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        maps = Path(directory)
        idle.certificate(maps)
        put(maps, 1, signed=True)
        signer.Signer(maps, maps / "keys", maps / "signatures").work()
        features = compare(maps, args.seconds, args.rounds)
    is_kept = features["ecs"]["per_cpu_second"] >= BAR_PER_SECOND
    report.publish("dns-features", report.setting(features=features, bar=BAR_PER_SECOND, is_kept=is_kept))
    return 0 if is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
