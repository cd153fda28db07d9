"""Measure the DNS path on the loopback; JSON to bench/results/.

python -m bench.dns [--seconds 4] [--rounds 3]
    CPU time per answer of the real UDP loop, beside a bare Python UDP echo, turn by turn
python -m bench.dns --rebuild ["COMMAND with {maps}"]
    at a quarter of the bar (10,000 q/s), idle and while COMMAND runs: queries lost, server-side p99
python -m bench.dns --tcp-idle [10000]
    a worker's memory per idle connection over TCP and over TLS, UDP queries lost meanwhile, and CPU time
    per connection and per answer on one of them; to bench/results/dns-idle.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.dns import idle, load
from bench.dns.world import NAME, put

BAR_PER_SECOND = 40_000
"""What one core must answer at least; the rebuild is measured at a quarter of it."""

ASKED = 20_000
"""Queries on one connection of the crowd."""

RESULTS = Path(__file__).resolve().parent.parent / "results"


class Server:
    """One server process and its CPU clock."""

    def __init__(self, *words: str) -> None:
        argv = [sys.executable, "-m", "bench.dns.server", *words]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports = [int(word) for word in self._process.stdout.readline().split()]
        self.port, self.pid = self.ports[0], self._process.pid

    def cpu_seconds(self) -> float:
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def mark(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("mark\n")
        self._process.stdin.flush()

    def stop(self) -> str:
        return self._process.communicate(timeout=30)[0]


def cost(server: Server, packets: list[bytes], seconds: float) -> dict[str, float]:
    before = server.cpu_seconds()
    answers, took = load.saturate(server.port, packets, seconds)
    microseconds = (server.cpu_seconds() - before) / answers * 1e6
    return {"answers": answers, "per_second": round(answers / took), "cpu_us": round(microseconds, 3)}


def compare(maps: Path, seconds: float, rounds: int) -> dict[str, Any]:
    packets = load.queries(NAME, 100_000)
    servers = {"echo": Server("echo"), "node": Server("node", str(maps))}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for server in servers.values():
        load.saturate(server.port, packets, 0.5)  # warm
    for _ in range(rounds):
        for name, server in servers.items():
            runs[name].append(cost(server, packets, seconds))
    for server in servers.values():
        server.stop()
    best = {name: min(run["cpu_us"] for run in found) for name, found in runs.items()}
    return {
        "runs": runs,
        "echo_cpu_us": best["echo"],
        "answer_cpu_us": best["node"],
        "answers_per_cpu_second": round(1e6 / best["node"]),
        "ratio_to_echo": round(best["node"] / best["echo"], 3),
    }


def under_rebuild(maps: Path, command: str, rate: float, seconds: float) -> dict[str, Any]:
    packets = load.queries(NAME, 100_000)
    server = Server("stamped", str(maps))
    load.saturate(server.port, packets, 0.5)
    server.mark()
    idle = load.steady(server.port, packets, rate, seconds)
    server.mark()
    process = subprocess.Popen(shlex.split(command.format(maps=maps)))
    sent = lost = 0
    started = time.monotonic()
    while process.poll() is None:
        some = load.steady(server.port, packets, rate, 1)
        sent, lost = sent + some[0], lost + some[1]
    took = time.monotonic() - started
    calm, busy = json.loads(server.stop().splitlines()[-1])[-2:]
    rebuild = {"seconds": round(took, 1), "status": process.returncode, "sent": sent, "lost": lost}
    return {
        "command": command,
        "rate": round(rate),
        "idle": {"sent": idle[0], "lost": idle[1], **calm},
        "rebuild": rebuild | busy,
        "p99_ratio": round(busy["p99_us"] / calm["p99_us"], 2),
    }


def with_idle(maps: Path, count: int) -> dict[str, Any]:
    put(maps, 1)
    idle.certificate(maps)
    packets = load.queries(NAME, 10_000)
    result: dict[str, Any] = {"connections": count}
    for name, place in (("tcp", 0), ("tls", 1)):
        server = Server(f"crowded-{name}", str(maps))
        load.saturate(server.port, packets, 0.5)
        for one in idle.crowd(server.ports[place], 20, is_tls=bool(place)):
            one.close()
        before, cpu, started = idle.own_kb(server.pid), server.cpu_seconds(), time.monotonic()
        crowd = idle.crowd(server.ports[place], count, is_tls=bool(place))
        took, spent = time.monotonic() - started, server.cpu_seconds() - cpu
        per_connection = (idle.own_kb(server.pid) - before) / count
        sent, lost = load.steady(server.port, packets, 1000, 2)
        cpu = server.cpu_seconds()
        idle.ask(crowd[-1], ASKED)
        per_answer = (server.cpu_seconds() - cpu) / ASKED
        result[name] = {
            "kb_per_connection": round(per_connection, 2),
            "all_mb": round(per_connection * count / 1024, 1),
            "cpu_us_per_connection": round(spent / count * 1e6),
            "cpu_us_per_answer": round(per_answer * 1e6, 1),
            "seconds_to_open": round(took, 1),
            "udp_sent": sent,
            "udp_lost": lost,
        }
        for one in crowd:
            one.close()
        server.stop()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.dns", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    stand_in = f"{sys.executable} -m bench.build --publish {{maps}}"
    parser.add_argument("--rebuild", nargs="?", const=stand_in, metavar="COMMAND")
    parser.add_argument("--tcp-idle", nargs="?", type=int, const=10_000, metavar="COUNT")
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if args.tcp_idle:
        with tempfile.TemporaryDirectory() as directory:
            found = with_idle(Path(directory), args.tcp_idle)
        (RESULTS / "dns-idle.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found, indent=1))
        return
    with tempfile.TemporaryDirectory() as directory:
        maps = Path(directory)
        result: dict[str, Any] = {
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs",
            "python": platform.python_version(),
            "runs_v4": put(maps, 1),
        }
        result |= compare(maps, args.seconds, args.rounds)
        if args.rebuild:
            result["under_rebuild"] = under_rebuild(
                maps, args.rebuild, min(result["answers_per_cpu_second"], BAR_PER_SECOND) / 4, args.seconds
            )
    (RESULTS / "dns.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({k: v for k, v in result.items() if k != "runs"}, indent=1))


if __name__ == "__main__":
    main()
