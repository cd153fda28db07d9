"""The client's side in end-to-end tests: launchers, stunnel, a paced exchange that measures its stalls."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.gateway.stack import COMMAND, Stack
from tests.e2e.serving import ROOT, free_ports
from tests.programs import need, tail, wait_until


@dataclass
class Launcher:
    """`itm-gateway launch --listen` at a free port."""

    popen: subprocess.Popen[bytes]
    log: Path
    port: int


@contextlib.contextmanager
def launched(stack: Stack, resource: str = "echo", file: Path | None = None) -> Iterator[Launcher]:
    """Open a launch file, a fresh one if none is given, behind a local listener."""
    file = file or stack.launch_file(resource)
    log = file.with_suffix(".log")
    words = [*COMMAND, "launch", str(file), "--listen", "127.0.0.1:0", "--ca", str(stack.ca), "--verbose"]
    with log.open("wb") as output:
        popen = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
    try:
        wait_until(lambda: "listening" in log.read_text(), 10, "the launcher listens")
        found = re.search(r"address=127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None, tail(log)
        yield Launcher(popen, log, int(found[1]))
    finally:
        popen.kill()
        popen.wait()


@contextlib.contextmanager
def stunnel(stack: Stack, pop: str, folder: Path) -> Iterator[int]:
    """Give plain programs the TLS leg to a POP; return the local port. The POP's name is verified."""
    (port,) = free_ports(1)
    config = folder / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\n[pop]\nclient = yes\naccept = 127.0.0.1:{port}\n"
        f"connect = 127.0.0.1:{stack.ports[pop]}\nCAfile = {stack.ca}\nverifyChain = yes\n"
        "checkHost = localhost\n"
    )
    log = folder / "stunnel.log"
    with log.open("wb") as output:
        popen = subprocess.Popen([need("stunnel", "stunnel4"), str(config)], stdout=output, stderr=output)
    try:
        wait_until(lambda: b"Configuration successful" in log.read_bytes(), 10, "stunnel listens")
        yield port
    finally:
        popen.kill()
        popen.wait()


@dataclass
class Exchange:
    """What came of `exchange`: bytes and SHA-256 each way, the longest time without a byte back."""

    sent: int
    sent_sha256: str
    got: int
    got_sha256: str
    longest_gap_seconds: float


class Echoing:
    """Sends pseudo-random bytes at a rate to an echoing peer and takes them back.

    It sends `mega_bytes`, and with `until_enough` more of them until `enough` is set.
    """

    def __init__(
        self, port: int, *, mega_bytes: int, mega_bytes_per_second: float, until_enough: bool = False
    ) -> None:
        self.enough = threading.Event()
        if not until_enough:
            self.enough.set()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._total, self._rate = mega_bytes * 1_000_000, mega_bytes_per_second * 1_000_000
        self._sent, self._got = hashlib.sha256(), hashlib.sha256()
        self.sent = self.got = 0
        self.longest_gap_seconds = 0.0
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    @property
    def is_done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def result(self, seconds: float) -> Exchange:
        """Wait for the end of both directions."""
        wait_until(lambda: self.is_done, seconds, f"all bytes back (sent {self.sent}, got {self.got})")
        self._socket.close()
        return Exchange(
            self.sent, self._sent.hexdigest(), self.got, self._got.hexdigest(), self.longest_gap_seconds
        )

    def _send(self) -> None:
        started = time.monotonic()
        block = 64 * 1024
        while self.sent < self._total or not self.enough.is_set():
            data = hashlib.shake_128(self.sent.to_bytes(8, "big")).digest(block)
            self._socket.sendall(data)
            self._sent.update(data)
            self.sent += len(data)
            time.sleep(max(0.0, self.sent / self._rate - (time.monotonic() - started)))
        self._socket.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        last = time.monotonic()
        while data := self._socket.recv(1 << 20):
            now = time.monotonic()
            self.longest_gap_seconds = max(self.longest_gap_seconds, now - last)
            last = now
            self._got.update(data)
            self.got += len(data)
