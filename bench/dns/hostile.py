"""Hostile packets by the million: no crash, no reply to a reply, every reply readable, memory flat. JSON.

python -m bench.dns.hostile [--packets 10000000] [--shards 2]

In process: the answering function of a signed zone with cookies, an identity and a rate limit, as a worker
has it. Packets are mutated queries and noise from random addresses. One of `STRICT` replies goes through
dnspython. The size of the process is read every `LOOK` packets and must not grow after the first fifth, in
which the bounded caches fill.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bench import report
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.cookie import Cookies
from itm.dns.identity import Identity
from itm.dns.ratelimit import RateLimit, Rates
from tests.itm.dns.asking import demo_map
from tests.itm.dns.packets import PAYLOAD, SEEDS, check
from tests.itm.dns.signing import flagged, sign

STRICT = 500
LOOK = 20_000
FLAT = 1.02
"""Largest size after the first fifth, beside that at its end."""


def packets(rng: random.Random) -> Iterator[bytes]:
    """Give seeds with a few bytes changed, cut out or put in, names that differ, and noise."""
    bits, number, pick = rng.getrandbits, rng.random, rng.choice
    while True:
        kind = number()
        if kind < 0.05:
            yield rng.randbytes(bits(7))
            continue
        packet = bytearray(pick(SEEDS))
        if kind < 0.35 and len(packet) > 13:  # another name each time: what a cache must not keep
            packet[12:12] = b"\x08%08x" % bits(32)
        for _ in range(bits(2)):
            at = int(number() * (len(packet) + 1))
            if number() < 0.7:
                packet[at : at + 1] = bytes((bits(8),))
            elif number() < 0.5:
                packet[at:at] = rng.randbytes(bits(3))
            else:
                del packet[at : at + bits(3)]
        yield bytes(packet)


def server() -> Answerer:
    routemap = flagged(demo_map())
    told = Identity("ams-1", "none of yours", Cookies((b"k" * 16,), time.time))
    limit = RateLimit(Rates(), time.monotonic)
    return Answerer(build(routemap, signatures=sign(routemap)), payload=PAYLOAD, identity=told, limit=limit)


def size_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def shard(seed: int, count: int) -> dict[str, Any]:
    """Answer `count` packets; raise at the first wrong reply."""
    rng = random.Random(seed)
    answerer, sizes, slowest = server(), [], 0.0
    replied = done = 0
    stream = packets(rng)
    started = time.process_time()
    while done < count:
        began = time.process_time()
        for index, packet in enumerate(islice(stream, min(LOOK, count - done))):
            reply = answerer.answer(packet, f"198.18.{rng.getrandbits(3)}.{rng.getrandbits(8)}")
            if reply is not None:
                replied += 1
                assert packet[2] < 0x80
                assert reply[:2] == packet[:2]
                assert len(reply) <= PAYLOAD
            if index % STRICT == 0:
                check(packet, reply, tcp=False, may_drop=True)
        done += min(LOOK, count - done)
        sizes.append(size_kb())
        slowest = max(slowest, time.process_time() - began)
    assert answerer.counters.failures == 0
    warm = sizes[len(sizes) // 5]
    return {
        "packets": done, "replies": replied, "limited": answerer.counters.limited,
        "dropped": answerer.counters.dropped,
        "cpu_us": round((time.process_time() - started) / done * 1e6, 1),
        "slowest_us": round(slowest / LOOK * 1e6, 1),
        "size_kb": {"warm": warm, "most_after": max(sizes[len(sizes) // 5 :]), "end": sizes[-1]},
    }  # fmt: skip


def run(count: int, shards: int) -> dict[str, Any]:
    """Run the shards beside each other, each in a process of its own."""
    words = (sys.executable, "-m", "bench.dns.hostile", "--packets", str(count // shards))
    running = [
        subprocess.Popen([*words, "--seed", str(n + 1)], stdout=subprocess.PIPE, text=True)
        for n in range(shards)
    ]
    found = [json.loads(one.communicate()[0] or "null") for one in running]
    sizes = [one["size_kb"] for one in found]
    return {
        "packets": sum(one["packets"] for one in found),
        "is_flat": all(one["most_after"] <= one["warm"] * FLAT for one in sizes),
        "shards": found,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dns.hostile", description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--shards", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.seed is not None:
        print(json.dumps(shard(args.seed, args.packets)))
        return 0
    result = report.setting(**run(args.packets, args.shards))
    report.publish("dns-hostile", result)
    return 0 if result["is_flat"] else 1


if __name__ == "__main__":
    sys.exit(main())
