"""`python -m bench.collect [--json FILE]`: records per CPU second of each measurement stage, cells per build.

The world is synthetic: 12,000 networks, each measuring 4 of 30 POPs from 8 clients, six known rungs and the
world. CPU time of this process counts, not the clock on the wall, except where the disk matters (`_wall_`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from collectors.aggregate import aggregate
from collectors.feed import rows
from collectors.gather import Gathered, gather
from collectors.guard import Guard, PopSites, Whereabouts
from collectors.journal import JournalReader, JournalWriter
from collectors.measurement import RECORD
from collectors.network import Network
from collectors.rum import beacon
from collectors.window import Windows

RECORDS = 200_000
NETWORKS = 12_000
POPS = tuple(f"pop-{n:02d}" for n in range(30))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.collect", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the numbers to this file, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        results = measure(Path(directory))
    for name, value in results.items():
        print(f"{name:42} {value:>14,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


def measure(directory: Path) -> dict[str, float]:
    """Return the numbers by name."""
    records, keys = world()
    results = {}
    writer = JournalWriter(directory / "journal")
    writer.append(records)
    results["journal_flush_wall_seconds"] = _wall(writer.flush)
    reader = JournalReader(directory / "journal")
    results["journal_read_records_per_s"] = RECORDS / _cpu(lambda: [reader.read() for _ in range(4)])
    writer.close()
    where = Whereabouts(
        np.full(RECORDS, 35.7, np.float32),
        np.full(RECORDS, 139.7, np.float32),
        np.full(RECORDS, 64_500, np.uint32),
        np.ones(RECORDS, np.uint64),
    )
    sites = PopSites.of(POPS, np.linspace(-40, 60, 30), np.linspace(-170, 170, 30))
    results["guard_records_per_s"] = RECORDS / _cpu(lambda: Guard().judge(records, where, sites))
    windows = Windows(max_cells=100_000)
    results["gather_records_per_s"] = RECORDS / _cpu(lambda: _gathered(records, keys))
    batches = _gathered(records, keys)
    results["windows_merge_empty_records_per_s"] = RECORDS / _cpu(lambda: _merge(windows, batches))
    results["windows_merge_known_records_per_s"] = RECORDS / _cpu(lambda: _merge(windows, batches))
    flood = _gathered(records, _unseen(keys))
    results["windows_merge_evicting_records_per_s"] = RECORDS / _cpu(lambda: _merge(windows, flood))
    results["windows_cells"] = len(windows)
    results["windows_megabytes"] = windows.nbytes / 1e6
    results["decay_seconds"] = _cpu(lambda: windows.decay(time.time() + 30))
    results["aggregate_seconds"] = _cpu(lambda: aggregate(windows))
    path = directory / "windows.ckpt"
    results["checkpoint_wall_seconds"] = _wall(lambda: windows.checkpoint(path, {}))
    results["checkpoint_megabytes"] = path.stat().st_size / 1e6
    results["restore_wall_seconds"] = _wall(lambda: Windows.restore(path))
    return results | _parsers()


def world() -> tuple[np.ndarray, np.ndarray]:
    """Return records and the keys of their seven rungs."""
    rng = np.random.default_rng(1)
    network = rng.integers(0, NETWORKS, RECORDS)
    records = np.zeros(RECORDS, RECORD)
    records["time"] = time.time() - rng.uniform(0, 80_000, RECORDS)
    records["unit"], records["family"], records["metric"] = network, 4, 1
    records["client"] = 1 + network * 8 + rng.integers(0, 8, RECORDS)
    records["value"] = 150 + rng.lognormal(3.5, 1, RECORDS)
    records["pop"] = np.array([pop.encode() for pop in POPS])[(network + rng.integers(0, 4, RECORDS)) % 30]
    spans = (1, 4, 10, 50, 500, 3000)
    keys = np.zeros((RECORDS, 7), np.uint64)
    for rung, span in enumerate(spans):
        keys[:, rung] = 1 + network // span
    return records, keys


def _gathered(records: np.ndarray, keys: np.ndarray) -> list[Gathered]:
    """Gather the records in batches of what a collector takes at a time."""
    now, size = time.time(), RECORDS // 4
    return [gather(records[n : n + size], keys[n : n + size], now, 43_200) for n in range(0, RECORDS, size)]


def _merge(windows: Windows, batches: list[Gathered]) -> None:
    for one in batches:
        windows.merge(one)


def _unseen(keys: np.ndarray) -> np.ndarray:
    """Return the keys of networks never seen before: cells must go."""
    unseen = keys.copy()
    unseen[:, :3] += np.uint64(1 << 40)
    return unseen


def _parsers() -> dict[str, float]:
    now = time.time()
    item = {"pop": "pop-03", "metric": "rtt_ms", "value": 42.5}
    body = json.dumps([item] * 4).encode()
    network = Network.of("133.11.0.1")
    options: dict[str, Any] = {"now": now, "pops": frozenset(POPS)}

    def beacons() -> None:
        for _ in range(5000):
            beacon.parse(body, network=network, client=7, **options)

    feed = "".join(
        f"133.11.{n % 200}.0/24,pop-03,rtt_ms,42.5,{now - n % 9000}\n" for n in range(20_000)
    ).encode()
    return {
        "beacon_items_per_s": 20_000 / _cpu(beacons),
        "feed_rows_per_s": 20_000 / _cpu(lambda: rows.parse(feed, window_seconds=86_400, **options)),
    }


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _wall(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
