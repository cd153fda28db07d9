"""Real programs from Debian: found, or the test is skipped with the exact reason; in CI that is a failure."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def need(program: str, package: str) -> str:
    """Return the program's path; without it, skip (in CI: fail) naming the Debian package."""
    path = shutil.which(program, path=SEARCH)
    if path is None:
        missing(f"{program} is not installed: `apt-get install {package}` (or `make test-deps` as root)")
    return str(path)


def missing(reason: str) -> None:
    """Skip with the reason; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def need_port_53(address: str) -> None:
    """Skip (in CI: fail) when this user may not listen on port 53."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 53))
        except OSError as error:
            missing(
                f"cannot listen on {address}:53 ({error.strerror}): a delegation needs port 53, run as root"
            )


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for the condition; return how long it took. Fails with `what` after `seconds`."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            pytest.fail(f"after {seconds} s still not: {what}")
        time.sleep(0.05)
    return time.monotonic() - started


def dig(*words: str, server: str, port: int) -> list[str]:
    """Return the lines of `dig +short`."""
    command = [
        need("dig", "dnsutils"),
        f"@{server}",
        "-p",
        str(port),
        "+short",
        "+tries=1",
        "+time=2",
        *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if not line.startswith(";")]


def tail(path: Path) -> str:
    """Return the end of a log, for a failure's message."""
    return path.read_text(errors="replace")[-3000:] if path.exists() else "(no log)"


def python_for_all() -> tuple[str, ...]:
    """Return how any user starts Python with what is installed here; skips when that cannot be.

    Where our own interpreter lies in a home of somebody else's, Debian's of the same version stands in.
    """
    if _can_read(Path(os.__file__)):
        return (sys.executable,)
    library = sysconfig.get_path("purelib")
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = shutil.which(f"python{here}", path="/usr/bin")
    if found is None or not _can_read(Path(library)):
        missing(f"other users can read neither this Python nor /usr/bin/python{here} with {library}")
    return ("/usr/bin/env", f"PYTHONPATH={library}", str(found))


def _can_read(path: Path) -> bool:
    """Say whether everybody may go to the path and read it."""
    return all(one.stat().st_mode & (0o1 if one.is_dir() else 0o4) for one in (path, *path.parents))
