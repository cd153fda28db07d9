"""Bytes to an echoing VDA and back at a steady rate, finely cut, with the moment of every arrival."""

from __future__ import annotations

import hashlib
import itertools
import random
import socket
import statistics
import threading
import time

BLOCK = 4096


class Exchange:
    """Sends until `finish`, receives until the end; `arrivals` holds (monotonic seconds, bytes so far)."""

    def __init__(self, port: int, mega_bytes_per_second: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rate = mega_bytes_per_second * 1e6
        self._sent, self._got = hashlib.sha256(), hashlib.sha256()
        self.sent = self.got = 0
        self.arrivals: list[float] = []
        self._is_enough = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def finish(self) -> bool:
        """End, wait for every byte; whether what came back is what was sent."""
        self._is_enough.set()
        for thread in self._threads:
            thread.join(60)
        self._socket.close()
        return self.sent == self.got and self._sent.digest() == self._got.digest()

    def normal_gap(self) -> float:
        """Return the median of the seconds between two arrivals."""
        seen = self.arrivals[:]
        return statistics.median(b - a for a, b in itertools.pairwise(seen))

    def longest_gap(self, since: float, until: float) -> float:
        """Return the longest time without a byte that touches the interval, in seconds."""
        seen = self.arrivals[:]
        return max(
            (b - a for a, b in itertools.pairwise(seen) if b >= since and a <= until), default=float("inf")
        )

    def _send(self) -> None:
        source, started = random.Random(1), time.monotonic()
        while not self._is_enough.is_set():
            data = source.randbytes(BLOCK)
            self._socket.sendall(data)
            self._sent.update(data)
            self.sent += len(data)
            time.sleep(max(0.0, self.sent / self._rate - (time.monotonic() - started)))
        self._socket.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        while data := self._socket.recv(1 << 18):
            self.arrivals.append(time.monotonic())
            self._got.update(data)
            self.got += len(data)
