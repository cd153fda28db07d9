"""The file of token keys: a line of 64 hexadecimal digits for each, the first signs, all verify.

Read again whenever it changes, so that keys turn over without a restart. A file of our own is made at the
first start and turned over daily: a new key goes before the old one, and the old one goes when
no token that it signed can still be good. A file that somebody else keeps, for several edges, is only read.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from collectors.arrays import write
from collectors.errors import KeyFileError
from collectors.rum.token import KEY_BYTES, TokenKeys

TURN_SECONDS: Final = 86_400.0
"""How long a key of our own signs."""

MARGIN_SECONDS: Final = 60.0
"""Kept beyond a token's life: clocks, and requests under way."""


class KeyFile:
    """Follows one file. `is_ours`: made and turned over here; `life_seconds` is that of a token."""

    def __init__(
        self,
        path: Path,
        *,
        is_ours: bool,
        life_seconds: float,
        clock: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Read the file, making it anew if it is ours and cannot be used. Raises `KeyFileError`."""
        self._path = path
        self._is_ours = is_ours
        self._life = life_seconds
        self._clock = clock
        self._random_bytes = random_bytes
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[bytes, ...] = ()
        try:
            self.look()
        except KeyFileError:
            if not is_ours:
                raise
            self._write([random_bytes(KEY_BYTES)])
            self.look()

    @property
    def keys(self) -> TokenKeys:
        """The keys that hold now."""
        return TokenKeys(self._keys)

    def look(self) -> bool:
        """Read the file if it changed, and turn keys over when it is time; return whether they are others.

        Raises `KeyFileError` naming what is wrong with the file; what was read before stays in force.
        """
        changed = self._read()
        if self._is_ours and (due := turned(self._keys, self._age(), self._life, self._random_bytes)):
            self._write(due)
            changed = self._read() or changed
        return changed

    def _age(self) -> float:
        return self._clock() - (self._seen[1] / 1e9 if self._seen else 0.0)

    def _read(self) -> bool:
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return False
            text = self._path.read_text()
        except (OSError, ValueError) as error:
            raise KeyFileError(f"{self._path}: {error}") from error
        if stat.S_IMODE(status.st_mode) & 0o007:
            raise KeyFileError(f"{self._path}: everybody may read it; expected mode 0600")
        try:
            self._keys = parse(text)
        except ValueError as error:
            raise KeyFileError(f"{self._path}: {error}") from error
        self._seen = seen
        return True

    def _write(self, keys: Sequence[bytes]) -> None:
        try:
            write(self._path, "".join(f"{key.hex()}\n" for key in keys).encode(), mode=0o600)
            now = self._clock()
            os.utime(self._path, (now, now))
        except OSError as error:
            raise KeyFileError(f"{self._path}: {error}") from error


def parse(text: str) -> tuple[bytes, ...]:
    """Return the keys of a file's text; `#` begins a comment. Raises `ValueError` saying what is wrong."""
    words = [line.split("#")[0].strip() for line in text.splitlines()]
    try:
        keys = tuple(bytes.fromhex(word) for word in words if word)
    except ValueError:
        keys = ()
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"expected lines of {2 * KEY_BYTES} hexadecimal digits")
    return keys


def turned(
    keys: Sequence[bytes], age_seconds: float, life_seconds: float, random_bytes: Callable[[int], bytes]
) -> tuple[bytes, ...]:
    """Return what a file of these keys, last written that long ago, is to hold now; () for what it holds."""
    if len(keys) > 1:
        return (keys[0],) if age_seconds > life_seconds + MARGIN_SECONDS else ()
    return (random_bytes(KEY_BYTES), keys[0]) if age_seconds > TURN_SECONDS else ()
