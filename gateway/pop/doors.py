"""The TLS contexts of the one port, and which of them an arriving ClientHello is for.

Connectors and brokers see the authority's certificate; they must show theirs on control and data channels
and on the reach wire. Everybody else sees the public one, if there is one, and is asked for nothing: a
browser that is asked for a certificate asks its user. The files are looked at again when they change.
"""

from __future__ import annotations

import logging
import socket
import ssl
from pathlib import Path
from typing import Final

from gateway.errors import ConfigError
from gateway.protocol import control, data, hello

log = logging.getLogger(__name__)

HELLO_BYTES: Final = 16_384
CLIENT_ALPN: Final = (hello.ALPN, "http/1.1")


def offers(head: bytes, alpn: str) -> bool:
    """Whether the ClientHello holds this protocol id.

    A search for its length-prefixed name: found anywhere else by chance, it costs the client a request for a
    certificate, nothing more.
    """
    return bytes([len(alpn)]) + alpn.encode() in head


def is_whole(head: bytes) -> bool:
    """Whether the first TLS record stands there, or what stands there is none (RFC 8446, 5.1)."""
    if head[:1] != b"\x16":
        return True
    return len(head) >= 5 and len(head) >= min(HELLO_BYTES, 5 + int.from_bytes(head[3:5], "big"))


class Doors:
    """The current contexts; `reload` replaces them when a file has changed."""

    def __init__(self, identity: Path, ca: Path, public: Path | None) -> None:
        self._identity, self._ca, self._public = identity, ca, public or identity
        self._stamps: tuple[tuple[int, int], ...] = ()
        self.reload()

    def context_for(self, head: bytes) -> ssl.SSLContext:
        """Return the context for a connection that begins with `head`."""
        if offers(head, control.ALPN) or offers(head, control.REACH_ALPN):
            return self._control
        return self._data if offers(head, data.ALPN) else self._client

    def reload(self) -> bool:
        """Read the files if they changed; True when they did. `ConfigError` keeps what stands."""
        try:
            stamps = tuple(_stamp(path) for path in (self._identity, self._ca, self._public))
            if stamps == self._stamps:
                return False
            control_context, data_context = (
                _mutual(_server_context(self._identity, alpns), self._ca)
                for alpns in ((control.ALPN, control.REACH_ALPN), (data.ALPN,))
            )
            client_context = _server_context(self._public, CLIENT_ALPN)
            outward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            outward.load_verify_locations(self._ca)
            outward.load_cert_chain(self._identity)
        except (OSError, ValueError) as error:
            raise ConfigError(f"pop.certificate: {error}") from error
        self._control, self._data, self._client = control_context, data_context, client_context
        self.outward = outward
        """For our connections to brokers: shows our certificate, trusts our authority."""
        self._stamps = stamps
        return True


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino


def _server_context(certificate: Path, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 without renegotiation, compression, tickets and session cache (2 kB a session)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(list(alpn))
    return context


def _mutual(context: ssl.SSLContext, ca: Path) -> ssl.SSLContext:
    """Have the context insist on a certificate of this authority."""
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def peek(sock: socket.socket) -> bytes:
    """Return what has arrived without taking it; b"" at the end, `BlockingIOError` when nothing has."""
    return sock.recv(HELLO_BYTES, socket.MSG_PEEK)
