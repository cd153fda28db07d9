"""A certificate as it is on disk now: PEM files into a TLS context, looked at again and again.

A server does not start without a sound pair; later a broken one is logged and the one in use stays. Knows no
socket: DNS over TLS and HTTPS take the context from here for each new connection.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from itm.errors import ConfigError

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
"""How often files are worth a look: bounds how late a renewed certificate is taken up."""

Stamp = tuple[tuple[int, int, int], ...]
"""Of each file: its inode, size and time of change."""


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files: the certificate with its chain, and its key; they may be one file."""

    certificate: Path
    key: Path

    def stamp(self) -> Stamp:
        """Return what changes when a file does. Raises `OSError`."""
        found = [path.stat() for path in (self.certificate, self.key)]
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)

    def load(self, alpn: str) -> ssl.SSLContext:
        """Return a context for new connections that speak `alpn` (IANA's registry of protocol ids).

        Raises `OSError` with the file at fault and what it lacks.
        """
        if b"-----BEGIN CERTIFICATE-----" not in self.certificate.read_bytes():
            raise OSError(0, "holds no certificate (PEM)", str(self.certificate))
        key = self.key.read_bytes()
        if b"PRIVATE KEY-----" not in key:
            raise OSError(0, "holds no private key (PEM)", str(self.key))
        if b"ENCRYPTED" in key:  # OpenSSL would ask the terminal for its password
            raise OSError(0, "holds an encrypted key: a server cannot type its password", str(self.key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9325 3.1.1
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_alpn_protocols([alpn])
        try:
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                reason = f"does not belong to the certificate in {self.certificate}"
                raise OSError(0, reason, str(self.key)) from None
            raise OSError(0, f"not usable: {error}", str(self.certificate)) from error
        return context


class Certificate:
    """The context that new connections get: of the files as they were when last sound."""

    def __init__(self, pair: Pair, settings: tuple[str, str], alpn: str) -> None:
        """Load it; `settings` are the names of the two files' settings.

        Raises `ConfigError`: a server that cannot prove who it is must not start.
        """
        self._pair, self._alpn = pair, alpn
        self._stamp: Stamp | None = None
        try:
            self._stamp = pair.stamp()
            self.context = pair.load(alpn)
        except OSError as error:
            is_key = pair.certificate != pair.key and str(error.filename) == str(pair.key)
            setting = settings[1 if is_key else 0]
            raise ConfigError(f"{setting}: {error.filename}: {error.strerror}") from error

    def look(self) -> None:
        """Take up files that changed; files that are wrong are logged once per change and change nothing."""
        stamp: Stamp | None = None
        try:
            stamp = self._pair.stamp()
            if stamp == self._stamp:
                return
            self.context = self._pair.load(self._alpn)
            log.info("certificate.loaded", extra={"path": self._pair.certificate})
        except OSError as error:
            if stamp != self._stamp:
                log.error("certificate.refused", extra={"path": error.filename, "reason": error.strerror})
        self._stamp = stamp
