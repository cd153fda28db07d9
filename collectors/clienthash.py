"""A client's keyed hash: tells two clients of one network apart for a day, and nothing more.

The key is random, replaced each (UTC) day, and kept in one file so that a restart within the day does not
make every client a new one. Yesterday's key is overwritten: a hash cannot be traced back to its address, nor
to the hash of the same address on another day.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collectors.arrays import write

KEY_BYTES: Final = 32
_DAY_SECONDS: Final = 86_400

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ClientHash:
    """Hashes addresses with the day's key, which lives at `path` (None: in memory only). For any thread."""

    def __init__(
        self,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._path = path
        self._clock = clock
        self._random_bytes = random_bytes
        self._turn = threading.Lock()  # two threads must not both make the new day's key
        self._day, self._key = _stored(path)

    def of(self, address: Address) -> int:
        """Return the 32-bit hash of a full address, never 0. Raises `OSError` if a new key cannot be kept."""
        day = int(self._clock() // _DAY_SECONDS)
        with self._turn:
            if day != self._day:
                self._replace(day)
            key = self._key
        digest = hashlib.blake2b(address.packed, digest_size=4, key=key).digest()
        return int.from_bytes(digest, "little") or 1

    def _replace(self, day: int) -> None:
        self._day, self._key = day, self._random_bytes(KEY_BYTES)
        if self._path is not None:
            write(self._path, json.dumps({"day": day, "key": self._key.hex()}).encode(), mode=0o600)


def _stored(path: Path | None) -> tuple[int, bytes]:
    """Return the stored day and key; day -1 when there is none that can be used."""
    if path is None or not path.exists():
        return -1, b""
    try:
        content = json.loads(path.read_text())
        day, key = int(content["day"]), bytes.fromhex(content["key"])
    except (ValueError, KeyError, TypeError):
        return -1, b""
    return (day, key) if len(key) == KEY_BYTES else (-1, b"")
