"""DNS over TLS (RFC 7858): one connection's TLS without I/O, and how many handshakes may begin.

TLS runs over memory buffers instead of asyncio's transports: a PROXY header can stand before it, a handshake
begins with the client's first bytes only, and an idle connection costs a seventh. Whose certificate it shows
is `certificate.py`.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import Final

ALPN: Final = "dot"  # RFC 7858 and IANA's registry
SETTINGS: Final = ("dns.tls_certificate", "dns.tls_key")
READ_BYTES: Final = 16_384
"""One TLS record holds no more."""


class Handshakes:
    """How many handshakes begin in a second: each costs as much as dozens of answers."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._second, self._count = 0, 0
        self.refused = 0
        """Handshakes that were not begun."""

    def take(self) -> bool:
        """Say whether one more may begin now."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        self.refused += self._count > self._most
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
