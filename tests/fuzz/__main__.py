"""Coverage-guided fuzzing of every parser with atheris: `python -m tests.fuzz [--seconds N] [TARGET ...]`.

Each target runs in a process of its own, with its seeds and what earlier runs found as the corpus
(`build/fuzz/TARGET`). A crash leaves its input there and ends the command with status 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path("build/fuzz")
LONGEST_INPUT = 8192
SLOWEST_SECONDS = 10
SECONDS = 60
LONGER = {"dns_packet": 600}
"""What every stranger on the Internet may send without a handshake gets more than `SECONDS`."""
MOST_MEGABYTES = 1024


def main() -> int:
    """Fuzz the targets one after the other; return 1 when any of them crashed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="(all)")
    parser.add_argument("--seconds", type=int, help=f"for each target ({SECONDS}; dns_packet: 600)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"corpus and crashes ({FOLDER})")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        fuzz(args.only, args.folder / args.only, args.seconds or SECONDS)
    from tests.fuzz.every import TARGETS

    wanted = args.targets or list(TARGETS)
    crashed = [
        name for name in wanted if not _survives(name, args.folder, args.seconds or LONGER.get(name, SECONDS))
    ]
    print(f"{len(wanted)} targets, crashed: {', '.join(crashed) or 'none'}")
    return 1 if crashed else 0


def _survives(name: str, folder: Path, seconds: int) -> bool:
    (folder / name).mkdir(parents=True, exist_ok=True)
    words = (sys.executable, "-m", "tests.fuzz", "--only", name, "--seconds", str(seconds))
    with (folder / f"{name}.log").open("wb") as log:
        done = subprocess.run(
            [*words, "--folder", str(folder)], stdout=log, stderr=log, check=False, env=os.environ
        )
    lines = (folder / f"{name}.log").read_text(errors="replace").splitlines()
    last = next((line for line in reversed(lines) if line.startswith(("Done", "#"))), "no run")
    print(f"{name:18} {'ok' if done.returncode == 0 else 'CRASHED'}  {last[:90]}", flush=True)
    return done.returncode == 0


def fuzz(name: str, corpus: Path, seconds: int) -> None:
    """Fuzz one target in this process, which does not return."""
    import atheris

    with atheris.instrument_imports(include=["gateway", "collectors.rum", "itm.dns", "itm.routemap"]):
        from tests.fuzz.every import TARGETS
    target = TARGETS[name]
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = (
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-timeout={SLOWEST_SECONDS}",
        f"-rss_limit_mb={MOST_MEGABYTES}",
        f"-artifact_prefix={corpus.parent}/{name}-",
        "-print_final_stats=1",
    )
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
