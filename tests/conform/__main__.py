"""`python -m tests.conform`: five servers in a fake Internet, four testers; fails on any error about ours.

Runs itself anew in a network namespace (as root), where the addresses of root, parents and servers are
free; the results table of docs/conformance.md is written by `--write`, and must be true without it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conform import report
from tests.conform.judges import JUDGES, Verdict
from tests.conform.world import PARENTS, ROOT_SERVER, SERVERS, TLD, servers
from tests.e2e.internet import internet

INSIDE = "CONFORM_INSIDE"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conform", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the results into docs/conformance.md")
    parser.add_argument("--keep", type=Path, help="a folder that is not there yet, for all that is written")
    args = parser.parse_args()
    if INSIDE not in os.environ:
        return _inside(sys.argv[1:])
    _addresses()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch) / "conform"
        folder.mkdir()
        found = _judge(folder)
    return report.judge(found, write=args.write)


def _inside(words: list[str]) -> int:
    """Run again in a namespace of its own; without root there is none."""
    if os.geteuid() != 0:
        print("conform: a network namespace needs root", file=sys.stderr)
        return 1
    command = ["unshare", "--net", sys.executable, "-m", "tests.conform", *words]
    return subprocess.run(command, check=False, env=os.environ | {INSIDE: "1"}).returncode


def _addresses() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (ROOT_SERVER, *PARENTS, *(one for _, both in SERVERS.values() for one in both)):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


def _judge(folder: Path) -> dict[str, dict[str, Verdict]]:
    """Return what each tester says of each server."""
    found: dict[str, dict[str, Verdict]] = {}
    with servers(folder) as running:
        delegations = [one.delegation for one in running]
        with internet(folder / "internet", ROOT_SERVER, PARENTS, TLD, delegations) as world:
            for tester, judge in JUDGES.items():
                for one in running:
                    started = time.monotonic()
                    found.setdefault(one.name, {})[tester] = result = judge(one, world, folder)
                    print(f"{one.name} {tester}: {result} ({time.monotonic() - started:.0f} s)", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
