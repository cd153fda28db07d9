"""DNS over TLS (RFC 7858): the certificate as it is on disk now, and one connection's TLS without I/O.

TLS runs over memory buffers instead of asyncio's transports: a PROXY header can stand before it, a handshake
begins with the client's first bytes only, and an idle connection costs a seventh. Certificates are looked at
again and again; a broken one is logged and the old one stays.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from itm.errors import ConfigError

log = logging.getLogger(__name__)

ALPN: Final = "dot"  # RFC 7858 and IANA's registry
READ_BYTES: Final = 16_384
"""One TLS record holds no more."""

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

    def load(self) -> ssl.SSLContext:
        """Return a context for new connections. Raises `OSError` (`ssl.SSLError` is one)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9325 3.1.1
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_alpn_protocols([ALPN])
        context.load_cert_chain(self.certificate, self.key)
        return context


class Certificate:
    """The context that new connections get: of the files as they were when last sound."""

    def __init__(self, pair: Pair) -> None:
        """Load it. Raises `ConfigError`: a server that cannot prove who it is must not start."""
        self._pair = pair
        self._stamp: Stamp | None = None
        try:
            self._stamp = pair.stamp()
            self.context = pair.load()
        except OSError as error:
            raise ConfigError(f"dns.tls_certificate: {pair.certificate}: {_reason(error)}") from error

    def look(self) -> None:
        """Take up files that changed; files that are wrong are logged once per change and change nothing."""
        stamp: Stamp | None = None
        try:
            stamp = self._pair.stamp()
            if stamp == self._stamp:
                return
            self.context = self._pair.load()
            log.info("certificate.loaded", extra={"path": self._pair.certificate})
        except OSError as error:
            if stamp != self._stamp:
                reason = _reason(error)
                log.error("certificate.refused", extra={"path": self._pair.certificate, "reason": reason})
        self._stamp = stamp


class Handshakes:
    """How many handshakes begin in a second: each costs as much as dozens of answers."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._second, self._count = 0, 0

    def take(self) -> bool:
        """Say whether one more may begin now."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count <= self._most


class Secured:
    """The server's end of one TLS connection: bytes of the wire in and out, plain bytes in and out."""

    __slots__ = ("_in", "_object", "_out", "is_ended", "is_open")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=True)
        self.is_open = False
        """Whether the handshake is done."""
        self.is_ended = False
        """Whether the client has said that it sends no more."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the wire and return the plain bytes in them. Raises `ssl.SSLError`.

        What is to be sent meanwhile, an alert too, stands in `outgoing`.
        """
        self._in.write(data)
        plain = bytearray()
        try:
            if not self.is_open:
                self._object.do_handshake()
                self.is_open = True
            while part := self._object.read(READ_BYTES):
                plain += part
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        return bytes(plain)

    def send(self, plain: bytes | bytearray) -> None:
        """Take plain bytes to be sent; the handshake must be done."""
        self._object.write(plain)

    def end(self) -> None:
        """Say that nothing more is sent (RFC 8446 6.1)."""
        with contextlib.suppress(
            ssl.SSLError
        ):  # a handshake that is not done, a client that has not answered
            self._object.unwrap()

    def outgoing(self) -> bytes:
        """Return the bytes that the wire is to carry now."""
        return self._out.read()


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
