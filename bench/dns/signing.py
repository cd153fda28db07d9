"""What signing costs, and what answering feels of it: 1,000 steered names x 30 POPs. JSON.

python -m bench.dns.signing [--names 1000] [--seconds 5] [--rate 5000]

The signer signs all, finds nothing to do for a map that only steers otherwise, and signs all again a week
later. Then a real worker answers at a fixed rate while it takes over those signatures and that map: its p99,
from the kernel's receive stamp to `sendto`, beside that of the same seconds with nothing new.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import report
from bench.dns import load
from bench.dns.__main__ import Server
from bench.dns.world import NAME, POPS, put
from itm.dns.signer import Signer
from itm.routemap.current import publish

REFRESH_SECONDS = 8 * 86_400
BAR = 3.0
"""Most that p99 may grow, as for rebuilds."""


def timed(signer: Signer) -> dict[str, float]:
    wall, cpu = time.monotonic(), time.process_time()
    made = signer.work() or 0
    took = time.process_time() - cpu
    return {"made": made, "seconds": round(time.monotonic() - wall, 2), "cpu_seconds": round(took, 2)}


def sign(maps: Path, names: int) -> dict[str, Any]:
    """Sign, sign a map that only steers otherwise, sign a week later into `next`."""
    file, keys = maps / "signatures", maps / "keys"
    put(maps, 1, names=names, signed=True)
    signer = Signer(maps, keys, file)
    found = {"full": timed(signer)}
    put(maps, 2, names=names, signed=True)
    found["other map"] = timed(signer)
    (maps / "next").write_bytes(file.read_bytes())
    found["refresh"] = timed(Signer(maps, keys, maps / "next", lambda: time.time() + REFRESH_SECONDS))
    publish(maps, 1)
    return found | {"file_bytes": file.stat().st_size}


def answer(maps: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Answer idle, then while the signatures and the map are replaced."""
    packets = load.queries(NAME, 100_000)
    server = Server("stamped", str(maps))
    load.saturate(server.port, packets, 0.5)
    server.mark()
    idle = load.steady(server.port, packets, rate, seconds)
    server.mark()
    (maps / "next").replace(maps / "signatures")
    signed = load.steady(server.port, packets, rate, seconds)
    server.mark()
    publish(maps, 2)
    mapped = load.steady(server.port, packets, rate, seconds)
    calm, *busy = json.loads(server.stop().splitlines()[-1])[-3:]
    phases = zip(("signatures", "map"), (signed, mapped), busy, strict=True)
    found = {
        name: {"sent": sent, "lost": lost, **waits, "p99_ratio": round(waits["p99_us"] / calm["p99_us"], 2)}
        for name, (sent, lost), waits in phases
    }
    return {"rate": rate, "idle": {"sent": idle[0], "lost": idle[1], **calm}, **found}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dns.signing", description=__doc__.splitlines()[0])
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=5000.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        signing = sign(Path(directory), args.names)
        answering = answer(Path(directory), args.rate, args.seconds)
    is_kept = all(answering[name]["p99_ratio"] <= BAR for name in ("signatures", "map"))
    names = {"names": args.names, "pops": POPS}
    report.publish(
        "dns-signing", report.setting(**names, signing=signing, answering=answering, is_kept=is_kept)
    )
    return 0 if is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
