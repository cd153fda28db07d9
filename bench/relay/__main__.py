"""Measure the POP's splice beside haproxy (TCP mode, TLS ends there), turn by turn; JSON to bench/results/.

    python -m bench.relay [--seconds 3] [--rounds 3] [--idle 5000] [--backend-tls] [--pop]

CPU time is the relay process's own, per GB (one session) and per round trip of 64 B (200 sessions); memory
is the growth of its PSS. The order is shuffled in every round; medians with their ranges are told. `--pop`
adds the memory of as many sessions in a real POP, whose two legs are both TLS.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.relay import load
from bench.relay.pop import memory_idle as memory_idle_pop
from bench.relay.relays import LOAD_CPU, Relay, haproxy_version, start_backend, start_haproxy, start_ours
from bench.report import publish, setting, spread
from tests.gateway.certificates import Certificates

BARS = {"down_cpu_s_per_gb": 1.0, "up_cpu_s_per_gb": 1.0, "cpu_us_per_trip": 1.3}
IDLE_BAR_KB, STALLED_BAR_KB, ADDED_P50_BAR_MS = 20, 300, 0.15
SESSIONS, PACED_PER_SECOND, STALLED = 200, 2000, 50


def busy(relay: Relay, seconds: float) -> dict[str, float]:
    """Bulk both ways, saturated and paced round trips."""
    found: dict[str, float] = {}
    for name, kind in (("down", b"d"), ("up", b"u")):
        before = relay.cpu_seconds()
        moved, took = load.bulk(relay.port, kind, seconds)
        time.sleep(0.1)
        found[f"{name}_mb_per_s"] = moved / took / 1e6
        found[f"{name}_cpu_s_per_gb"] = (relay.cpu_seconds() - before) / moved * 1e9
    before = relay.cpu_seconds()
    pingpong = load.PingPong(relay.port, SESSIONS)
    found["cpu_ms_per_setup"] = (relay.cpu_seconds() - before) / SESSIONS * 1000
    before = relay.cpu_seconds()
    trips, took = pingpong.saturate(seconds)
    found["trips_per_s"] = trips / took
    found["cpu_us_per_trip"] = (relay.cpu_seconds() - before) / trips * 1e6
    times = pingpong.pace(seconds, PACED_PER_SECOND)
    found["paced_p50_ms"], found["paced_p99_ms"] = times[len(times) // 2], times[len(times) * 99 // 100]
    pingpong.close()
    return found


def memory_idle(relay: Relay, idle: int) -> dict[str, float]:
    """kB per idle session, each of which has carried one message."""
    before = relay.memory_kb()
    sessions = [load.dial(relay.port, b"e") for _ in range(idle)]
    for sock in sessions:
        sock.sendall(load.MESSAGE)
        sock.recv(64)
    time.sleep(1)
    found = {"idle_kb": (relay.memory_kb() - before) / idle}
    for sock in sessions:
        sock.close()
    return found


def memory_stalled(relay: Relay) -> dict[str, float]:
    """kB per client that does not read what its backend sends as fast as it can, and the CPU they cost."""
    before = relay.memory_kb()
    stalled = [load.dial(relay.port, b"d") for _ in range(STALLED)]
    time.sleep(3)
    cpu = relay.cpu_seconds()
    time.sleep(1)
    used = relay.memory_kb() - before
    found = {"stalled_kb": used / STALLED, "stalled_cpu_s": relay.cpu_seconds() - cpu}
    for sock in stalled:
        sock.close()
    return found


def measure(directory: Path, args: argparse.Namespace) -> dict[str, Any]:
    certificate = Certificates(directory).server()
    backend = start_backend(certificate if args.backend_tls else None)
    runs: dict[str, list[dict[str, float]]] = {"haproxy": [], "ours": []}
    starts = {
        "haproxy": lambda: start_haproxy(
            certificate, backend.port, is_tls=args.backend_tls, directory=directory
        ),
        "ours": lambda: start_ours(certificate, backend.port, is_tls=args.backend_tls),
    }
    direct = []
    try:
        for _ in range(args.rounds):
            names = list(starts)
            random.shuffle(names)
            for name in names:
                runs[name].append({})
                for part in (
                    lambda relay: busy(relay, args.seconds),
                    lambda relay: memory_idle(relay, args.idle),
                    memory_stalled,
                ):
                    relay = starts[name]()
                    try:
                        load.bulk(relay.port, b"d", 0.3)  # warm
                        time.sleep(0.3)
                        runs[name][-1] |= part(relay)
                    finally:
                        relay.stop()
            if not args.backend_tls:
                pingpong = load.PingPong(backend.port, SESSIONS, is_plain=True)
                times = pingpong.pace(args.seconds, PACED_PER_SECOND)
                direct.append(times[len(times) // 2])
                pingpong.close()
    finally:
        backend.stop()
    return {"direct_paced_p50_ms": round(statistics.median(direct), 3) if direct else None} | summary(runs)


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return medians, ranges, ratios ours/haproxy, and which bars hold."""
    result: dict[str, Any] = {}
    for name, found in runs.items():
        columns = {key: [run[key] for run in found] for key in found[0]}
        result[name] = {key: spread(values) for key, values in columns.items()}

    def median(name: str, key: str) -> float:
        return float(result[name][key]["median"])

    result["ratio"] = {key: round(median("ours", key) / median("haproxy", key), 3) for key in BARS}
    result["added_p50_ms"] = round(median("ours", "paced_p50_ms") - median("haproxy", "paced_p50_ms"), 3)
    result["holds"] = {key: result["ratio"][key] <= bar for key, bar in BARS.items()} | {
        "idle_kb": median("ours", "idle_kb") <= IDLE_BAR_KB,
        "stalled_kb": median("ours", "stalled_kb") <= STALLED_BAR_KB,
        "added_p50_ms": result["added_p50_ms"] <= ADDED_P50_BAR_MS,
    }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--backend-tls", action="store_true", help="TLS on both legs, as a POP has it")
    parser.add_argument("--pop", action="store_true", help="idle sessions in a real POP, too")
    args = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # and of all that is started here
    pop = {"pop": memory_idle_pop(args.idle)} if args.pop else {}
    os.sched_setaffinity(0, {LOAD_CPU})
    with tempfile.TemporaryDirectory() as directory:
        legs = "tls-tls" if args.backend_tls else "tls-tcp"
        where = {"setting": setting(haproxy=haproxy_version(), legs=legs)}
        result = where | measure(Path(directory), args) | pop
    publish("relay-tls" if args.backend_tls else "relay", result)


if __name__ == "__main__":
    main()
