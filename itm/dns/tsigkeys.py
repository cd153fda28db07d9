"""The file of TSIG keys: a line `NAME ALGORITHM BASE64` for each, followed as it changes.

The file is as secret as the keys: one that everybody on the machine may read is refused.
"""

from __future__ import annotations

import base64
import binascii
import logging
from pathlib import Path
from typing import Final

import dns.exception
import dns.name

from itm.dns.name import encode
from itm.dns.tsig import MAC_BYTES, Key, Keys
from itm.errors import ConfigError

log = logging.getLogger(__name__)

ALGORITHMS: Final = {algorithm.to_text(omit_final_dot=True): algorithm for algorithm in MAC_BYTES}
LEAST_SECRET_BYTES: Final = 16  # RFC 8945 8: not shorter than the MAC is the advice, this is the least
OTHERS: Final = 0o007
"""Mode bits of those who are neither owner nor of the group."""


class KeyFile:
    """Follows the file; a file that is wrong is logged once and leaves the keys as they were."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._told = ""
        self.keys: Keys = {}

    def look(self) -> Keys:
        """Return the keys that the file holds now. No file named: none."""
        if self._path is None:
            return self.keys
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_ino, status.st_mode
            if stamp != self._stamp:
                self.keys, self._stamp, self._told = load(self._path), stamp, ""
        except (OSError, ConfigError) as error:
            if str(error) != self._told:
                self._told = str(error)
                log.error("tsig_keys.refused", extra={"reason": self._told})
        return self.keys


def load(path: Path) -> Keys:
    """Return the keys of a file. Raises `ConfigError` naming the line, `OSError`."""
    where = f"dns.tsig_keys: {path}"
    mode = path.stat().st_mode & 0o777
    if mode & OTHERS:
        raise ConfigError(f"{where}: mode {mode:04o} lets everybody read the keys; expected 0600 or 0640")
    found: dict[bytes, Key] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if words:
            name, key = _key(words, f"{where}: line {number}")
            if name in found:
                raise ConfigError(f"{where}: line {number}: the key {words[0]} stands twice")
            found[name] = key
    return found


def _key(words: list[str], where: str) -> tuple[bytes, Key]:
    if len(words) != 3:
        raise ConfigError(f"{where}: expected NAME ALGORITHM BASE64")
    algorithm = ALGORITHMS.get(words[1].lower().rstrip("."))
    if algorithm is None:
        raise ConfigError(f"{where}: {words[1]!r} is none of {', '.join(ALGORITHMS)}")
    try:
        name = encode(words[0].lower().rstrip(".") + ".")
        secret = base64.b64decode(words[2], validate=True)
        key = Key(dns.name.from_wire(name, 0)[0], secret, algorithm)
    except (ValueError, binascii.Error, dns.exception.DNSException) as error:
        raise ConfigError(f"{where}: {error}") from error
    if len(secret) < LEAST_SECRET_BYTES:
        raise ConfigError(f"{where}: a secret of {len(secret)} bytes; expected {LEAST_SECRET_BYTES} or more")
    return name, key
