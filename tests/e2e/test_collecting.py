"""kill -9 of collector and builder at any moment: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.journal import JournalWriter
from tests.collectors.observed import observed
from tests.e2e.collecting import CAP
from tests.programs import wait_until

ENDS = ("collector", "builder")


class Ends:
    """Both processes, started again whenever one was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = {end: self._started(end) for end in ENDS}

    def kill(self, *ends: str) -> None:
        """SIGKILL, and start anew."""
        for end in ends:
            self._running[end].kill()
        for end in ends:
            self._running[end].wait()
            self._running[end] = self._started(end)

    def stop(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def counts(self) -> dict[str, float]:
        """Return what the builder has counted for the world at large, by POP."""
        path = self._folder / "counts.json"
        found: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _started(self, end: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "tests.e2e.collecting", end, str(self._folder)])


@contextmanager
def ends(folder: Path) -> Iterator[Ends]:
    made = Ends(folder)
    try:
        yield made
    finally:
        made.stop()


def survive(folder: Path, kills: int) -> None:
    """Write measurements all the while; after each few of them somebody is killed."""
    rng = random.Random(20_261_126)
    journal = JournalWriter(folder / "journal", segment_bytes=20_000)
    written: Counter[str] = Counter()
    with ends(folder) as both:
        for turn in range(kills):
            until, said = time.monotonic() + rng.uniform(0.05, 0.9), 0
            while time.monotonic() < until:
                size = rng.randint(1, 40)
                journal.append(observed([20.0] * size, pop="pop-a"))
                journal.append(observed([30.0] * 3, pop="pop-b", client=1 + turn))
                journal.flush()
                written["pop-a"] += size
                said += 3
                time.sleep(0.01)
            written["pop-b"] += min(said, CAP)
            both.kill(*rng.choice([("collector",), ("builder",), ENDS]))
        wait_until(lambda: both.counts().get("pop-a", 0) >= written["pop-a"], 30, "all is counted")
        time.sleep(0.3)  # for whatever would be counted twice
        assert both.counts() == written
    journal.close()


def test_killing_either_end_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    """Some measurements of nobody in particular, and some of clients who say more than counts."""
    survive(tmp_path, kills=5)


@pytest.mark.long
def test_killing_either_end_again_and_again(tmp_path: Path) -> None:
    """The same for a minute."""
    survive(tmp_path, kills=60)
