"""A client's keyed hash: tells two clients of one network apart for a day, and nothing more.

The key is random, lives in memory only and is replaced each (UTC) day and at each start: a hash cannot be
traced back to its address, nor to the hash of the same address under another key. The hash names its key's
era (8 bits), so that whoever counts clients never takes one client under two keys for two.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

KEY_BYTES: Final = 32
CLIENT_BYTES: Final = 8
"""Of an address: all of an IPv4 address, the /64 of an IPv6 address."""
HASH_BITS: Final = 24
"""Enough to tell the clients of one network apart: of 256 addresses two are alike once in 500 networks."""

ERAS: Final = 255  # 1 .. 255
_DAY_SECONDS: Final = 86_400

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ClientHash:
    """Hashes addresses with the day's key. For any thread.

    The first era is drawn, the next ones follow it: two keys in a row are told apart, but for one in 255
    starts.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._turn = threading.Lock()  # two threads must not both make the new day's key
        self._day = -1
        self._key = b""
        self._era = random_bytes(1)[0] % ERAS

    def of(self, address: Address) -> int:
        """Return the hash of a client: era (8 bits, never 0) << 24 | hash (24 bits).

        An IPv4 address is one, and an IPv6 /64: whoever has one address of it can have them all.
        """
        day = int(self._clock() // _DAY_SECONDS)
        with self._turn:
            if day != self._day:
                self._day, self._key = day, self._random_bytes(KEY_BYTES)
                self._era = self._era % ERAS + 1
            key, era = self._key, self._era
        digest = hashlib.blake2b(address.packed[:CLIENT_BYTES], digest_size=HASH_BITS // 8, key=key).digest()
        return era << HASH_BITS | int.from_bytes(digest, "little")


def era_of(clients: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Return the era of each hash; 0 for a client that is not known."""
    return (clients >> HASH_BITS).astype(np.uint8)
