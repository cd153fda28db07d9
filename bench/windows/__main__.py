"""`python -m bench.windows [--networks N] [--json]`: a million (network, POP) cells in one process.

The world: 250,000 networks, each measuring 4 of 30 POPs (round trips and availability) from 8 clients, six
records each, over a day; six coarser rungs besides. They come in as a collector gathers them, 70,000 at a
time. Memory is what the kernel counts as this process's own (VmRSS, and its peak VmHWM), interpreter
included; times are CPU seconds, but for those that wait for the disk.
"""

from __future__ import annotations

import argparse
import gc
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import publish, setting
from collectors.aggregate import aggregate
from collectors.gather import gather
from collectors.measurement import METRICS, RECORD
from collectors.window import Windows

POPS = 30
POPS_PER_NETWORK = 4
CLIENTS = 8
RECORDS_PER_CELL = 6
BATCH = 70_000
HALF_LIFE = 43_200.0
SPANS = (1, 4, 10, 50, 2_500, 50_000)
"""Networks that share a key, by rung; the last rung is the world."""

LIMIT_MEGABYTES = 1000
LIMIT_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.windows", description=__doc__)
    parser.add_argument("--networks", type=int, default=250_000)
    parser.add_argument("--json", action="store_true", help="keep the numbers in bench/results, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        result = measure(arguments.networks, Path(directory) / "windows.ckpt")
    if arguments.json:
        publish("windows", result)
    else:
        for name, value in result.items():
            print(f"{name:36} {value}")


def measure(networks: int, path: Path) -> dict[str, Any]:
    """Return the numbers by name."""
    before = memory("VmRSS")
    windows = Windows(8 * networks, HALF_LIFE)
    filling = cpu(lambda: fill(windows, networks))
    found: dict[str, Any] = {"megabytes_before": before, "fill_seconds": filling}
    found["measurements"] = windows.counted
    found["network_pop_cells"] = int((windows.values.column("rung") == 0).sum())
    found["cells"] = len(windows)
    found["windows_megabytes"] = round(windows.nbytes / 1e6)
    found["megabytes"] = settled()
    found["decay_seconds"] = cpu(lambda: windows.decay(time.time() + 30))
    kept: list[object] = []
    found["aggregate_seconds"] = cpu(lambda: kept.append(aggregate(windows)))
    found["megabytes_with_aggregates"] = memory("VmRSS")
    found["megabytes_peak"] = memory("VmHWM")
    kept.clear()
    found["checkpoint_wall_seconds"] = wall(lambda: windows.checkpoint(path, {}))
    found["checkpoint_megabytes"] = round(path.stat().st_size / 1e6)
    found["megabytes_peak_with_checkpoint"] = memory("VmHWM")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts anew
    windows = Windows(1)
    gc.collect()
    found["restore_wall_seconds"] = wall(lambda: kept.append(Windows.restore(path, 8 * networks)))
    found["megabytes_peak_with_restore"] = memory("VmHWM")
    found["holds"] = (
        max(found["megabytes_peak_with_checkpoint"], found["megabytes_peak_with_restore"]) <= LIMIT_MEGABYTES
        and found["aggregate_seconds"] <= LIMIT_SECONDS
    )
    return setting(**found)


def fill(windows: Windows, networks: int) -> None:
    """Merge a day's measurements."""
    rng = np.random.default_rng(1)
    pops = np.array([f"pop-{n:02d}".encode() for n in range(POPS)])
    now = time.time()
    size = BATCH // (POPS_PER_NETWORK * 2)  # round trips and availability of each POP
    for _ in range(RECORDS_PER_CELL):
        for first in range(0, networks, size):
            network = np.repeat(np.arange(first, min(first + size, networks)), POPS_PER_NETWORK * 2)
            kind = np.arange(len(network)) % (POPS_PER_NETWORK * 2)
            records = np.zeros(len(network), RECORD)
            records["time"] = now - rng.uniform(0, 80_000)
            records["unit"], records["family"] = network, 4
            records["client"] = 1 + network * CLIENTS + rng.integers(0, CLIENTS, len(network)) & 0xFFFFFF
            is_rtt = kind < POPS_PER_NETWORK
            records["metric"] = np.where(is_rtt, METRICS.index("rtt_ms"), METRICS.index("availability"))
            base = 10 + network * 7919 % 150 + 20 * (kind % POPS_PER_NETWORK)
            records["value"] = np.where(
                is_rtt, base * rng.lognormal(0, 0.3, len(network)), rng.random(len(network)) < 0.98
            )
            records["pop"] = pops[(network // 50 + kind % POPS_PER_NETWORK) % POPS]
            keys = np.zeros((len(network), 7), np.uint64)
            for rung, span in enumerate(SPANS):
                keys[:, rung] = 1 + network // span
            windows.merge(gather(records, keys, now, HALF_LIFE))


def memory(line: str) -> int:
    """Return megabytes of this process: VmRSS now, VmHWM at most since the start."""
    found = re.search(rf"^{line}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    assert found
    return round(int(found[1]) / 1e3)


def settled() -> int:
    gc.collect()
    return memory("VmRSS")


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return round(time.process_time() - started, 3)


def wall(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return round(time.perf_counter() - started, 3)


if __name__ == "__main__":
    main()
