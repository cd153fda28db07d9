"""Standard input that lasts: pseudo-random bytes at a rate, for as long as a test needs them."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.e2e.serving import ROOT

FEED_SECONDS = 0.05


class Feed(threading.Thread):
    """Writes pseudo-random bytes at a rate until it is told that it is enough, then closes."""

    def __init__(self, pipe: IO[bytes], *, mega_bytes: int, mega_bytes_per_second: float) -> None:
        super().__init__(daemon=True)
        self.enough, self.sha256, self.sent = threading.Event(), hashlib.sha256(), 0
        self._pipe, self._least = pipe, mega_bytes * 1_000_000
        self._block_bytes = int(mega_bytes_per_second * 1_000_000 * FEED_SECONDS)

    def run(self) -> None:
        with contextlib.suppress(BrokenPipeError), self._pipe as pipe:
            while self.sent < self._least or not self.enough.is_set():
                data = hashlib.shake_128(self.sent.to_bytes(8, "big")).digest(self._block_bytes)
                pipe.write(data)
                self.sha256.update(data)
                self.sent += len(data)
                time.sleep(FEED_SECONDS)


@contextlib.contextmanager
def fed(words: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Feed]]:
    """Run a program on a paced feed; it writes `out` and `err` into the folder."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        popen = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=ROOT)
    assert popen.stdin is not None
    feed = Feed(popen.stdin, mega_bytes=30, mega_bytes_per_second=3)
    feed.start()
    try:
        yield popen, feed
    finally:
        popen.kill()
        popen.wait()
