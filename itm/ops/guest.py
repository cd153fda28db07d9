"""A connection over TLS for a protocol that knows no TLS: it reads plain bytes and writes to `Inside`.

asyncio's own TLS costs a quarter of a megabyte per connection from its first moment on, and gives it back
late; over memory buffers (`itm.dns.tls`) a connection costs less than a tenth, and one that has said nothing
hardly anything. So a crowd is bounded by what `itm.dns.connections` allows: the idlest gives way.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any, cast

from itm.dns.connections import Connections
from itm.dns.tls import READ_BYTES, Handshakes, Secured

Serve = Callable[[], asyncio.Protocol]
Data = bytes | bytearray | memoryview


class Inside(asyncio.Transport):
    """What the protocol inside writes to: encrypts, and hands the rest to the transport of the wire."""

    def __init__(self, wire: asyncio.Transport, secured: Secured, context: ssl.SSLContext) -> None:
        super().__init__()
        self._wire, self._secured, self._context = wire, secured, context
        self._is_ended = False

    def write(self, data: Data) -> None:
        """Send, a record at a time."""
        if self.is_closing():
            return
        plain = bytes(data)
        for start in range(0, len(plain), READ_BYTES):
            self._secured.send(plain[start : start + READ_BYTES])
        self._wire.write(self._secured.outgoing())

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        """Send all."""
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Send what is on its way, say that nothing more comes, and close."""
        if not self.is_closing():
            self._is_ended = True
            self._secured.end()
            self._wire.write(self._secured.outgoing())
            self._wire.close()

    def abort(self) -> None:
        """Close at once."""
        self._wire.abort()

    def is_closing(self) -> bool:
        """Say whether nothing can be sent any more."""
        return self._is_ended or self._wire.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the wire's transport knows, and that this is TLS (`sslcontext`)."""
        return self._context if name == "sslcontext" else self._wire.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more from the wire."""
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._wire.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Return the bytes that wait for the wire."""
        return self._wire.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say when the protocol is asked to wait."""
        self._wire.set_write_buffer_limits(high, low)


class Guest(asyncio.Protocol):
    """The end of one connection on the wire. `serve` makes the protocol inside when the handshake is done."""

    def __init__(
        self, connections: Connections, handshakes: Handshakes, context: ssl.SSLContext, serve: Serve
    ) -> None:
        self.client: bytes | None = None
        self.used_at = 0.0
        self._connections, self._handshakes = connections, handshakes
        self._context, self._serve = context, serve
        self._secured: Secured | None = None
        self._served: asyncio.Protocol | None = None

    def drop(self) -> None:
        """Close now; what was under way is lost."""
        self._connections.forget(self)
        self._wire.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place; the idlest gives way to it."""
        self._wire = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._connections.count(self, transport.get_extra_info("peername")[0])

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whoever ended it."""
        self._connections.forget(self)
        if self._served is not None:
            self._served.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the wire."""
        if self._wire.is_closing():
            return
        if self._secured is None:
            if not self._handshakes.take():
                self.drop()
                return
            self._secured = Secured(self._context)
        self._take(self._secured, data)

    def _take(self, secured: Secured, data: bytes) -> None:
        try:
            plain = secured.receive(data)
        except ssl.SSLError:
            self._wire.write(secured.outgoing())  # the alert
            self._wire.close()
            return
        self._wire.write(secured.outgoing())
        if secured.is_open and self._served is None:
            self._served = self._serve()
            self._served.connection_made(Inside(self._wire, secured, self._context))
        if plain and self._served is not None:
            self._connections.touch(self)
            self._served.data_received(plain)
        if secured.is_ended:
            self._wire.close()

    def pause_writing(self) -> None:
        """Pass on: the wire is full."""
        if self._served is not None:
            self._served.pause_writing()

    def resume_writing(self) -> None:
        """Pass on: the wire has room."""
        if self._served is not None:
            self._served.resume_writing()
