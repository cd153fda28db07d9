"""`itm feed --follow` on a growing file, with whatever can be killed killed: every row arrives."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.serving import ROOT, Server, children_of, kill
from tests.programs import wait_until

pytestmark = pytest.mark.long

ROWS = 2000
BATCH = 100
HEADER = "network,pop,metric,value,time\n"


class Follower:
    """`itm feed --follow`, killed and started again."""

    def __init__(self, path: Path, server: Server) -> None:
        self.path = path
        words = ("feed", str(path), "--follow", "--batch-rows", str(BATCH), "--batch-wait", "0.2s")
        self._command = [sys.executable, "-m", "itm", *words, *server.words]
        self.log = (path.parent / "follow.log").open("ab")
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=self.log, stderr=self.log, cwd=ROOT)

    def kill_and_restart(self) -> None:
        kill(self.process.pid)
        self.process.wait()
        self.process = self._started()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def has_read(self) -> bool:
        """Say whether its position is the end of the file under the name."""
        with contextlib.suppress(FileNotFoundError):
            mark = json.loads(self.path.with_name(f"{self.path.name}.position").read_text())
            status = self.path.stat()
            return bool((mark["inode"], mark["offset"]) == (status.st_ino, status.st_size))
        return False


@contextlib.contextmanager
def writing(path: Path, pop: str) -> Iterator[threading.Thread]:
    """Write rows 1 to `ROWS` as a program would, in odd pieces; half-way the file is rotated."""

    def write() -> None:
        rng = random.Random(5)
        file = path.open("a")
        file.write(HEADER)
        for row in range(1, ROWS + 1):
            if row == ROWS // 2:
                path.rename(path.with_suffix(".1"))
            if row == ROWS // 2 + 50:  # the writer is told a little later
                file.close()
                file = path.open("a")
                file.write(HEADER)
            line = f"133.11.{row % 200}.7,{pop},rtt_ms,{row},{time.time():.3f}\n"
            cut = rng.randrange(len(line))
            file.write(line[:cut])
            file.flush()
            file.write(line[cut:])
            time.sleep(0.003)
        file.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def edge_of(server: Server) -> int:
    for pid in children_of(server.process.pid):
        if "edge" in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            return pid
    pytest.fail("no edge")


def pops(server: Server) -> list[str]:
    with urllib.request.urlopen(f"http://{server.ops}/api/v1/pops", timeout=10) as answer:
        return [pop["id"] for pop in json.load(answer)["pops"]]


def arrived(server: Server) -> Counter[int]:
    """Return how often each row is in the journal."""
    told = server.itm("export")
    assert told.returncode == 0, told.stderr
    return Counter(int(float(line.split(",")[4])) for line in told.stdout.splitlines()[1:])


def test_every_row_arrives(start: StartServer, tmp_path: Path) -> None:
    """Follower and edge are killed, the server started anew, the file rotated: each row arrives once.

    Twice at most one batch, that was on its way when the edge was killed.
    """
    server = start()
    wait_until(lambda: pops(server) != [], 30, "the edge knows the catalog")
    pop = pops(server)[0]
    path = tmp_path / "rows.csv"
    with writing(path, pop) as writer:
        follower = Follower(path, server)
        for _ in range(2):
            time.sleep(1)
            follower.kill_and_restart()
        kill(edge_of(server))
        time.sleep(1)
        follower.kill_and_restart()
        server.stop()
        follower.kill_and_restart()
        server = start(**dict(setting(word) for word in server.words if "=" in word))
        writer.join()
    wait_until(follower.has_read, 60, "the follower is at the end")
    assert follower.stop() == 0
    follower.log.close()
    counts = arrived(server)
    assert sorted(counts) == list(range(1, ROWS + 1))
    assert sum(counts.values()) - ROWS <= BATCH
    assert "133.11." not in (tmp_path / "follow.log").read_text()


def setting(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name.replace(".", "__"), value
