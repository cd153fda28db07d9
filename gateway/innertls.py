"""TLS inside a channel that may be TLS itself: what is said to a far server through a POP stays between them.

OpenSSL works on memory, the channel carries its records; `read` and `write` are those of a channel. Knows
nothing of who the server is beyond the name and the authority that the caller's context asks for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, TypeVar

from gateway.channel import CHUNK_BYTES, Channel
from gateway.errors import Lost

T = TypeVar("T")
EOF: Final = "the peer ended in the middle of TLS"


class InnerTls:
    """A client's TLS over `channel`; one reader and one writer at a time. `open` makes one."""

    def __init__(self, channel: Channel, context: ssl.SSLContext, server_name: str) -> None:
        self._channel, self._sending = channel, asyncio.Lock()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    @classmethod
    async def open(
        cls, channel: Channel, context: ssl.SSLContext, server_name: str, *, seconds: float
    ) -> InnerTls:
        """Shake hands; `Lost` names the reason, a certificate that does not verify among them."""
        made = cls(channel, context, server_name)
        try:
            async with asyncio.timeout(seconds):
                await made._drive(made._tls.do_handshake)
        except TimeoutError as error:
            raise Lost(f"TLS handshake: not done within {seconds:g} s") from error
        return made

    async def read(self, limit: int = CHUNK_BYTES) -> bytes:
        """Return 1 to `limit` bytes, b"" at the clean end; `Lost` when it broke."""
        try:
            return await self._drive(lambda: self._tls.read(limit))
        except ssl.SSLZeroReturnError:
            return b""

    async def write(self, data: bytes) -> None:
        """Hand all of `data` to the channel; `Lost` when it broke."""
        view = memoryview(data)
        while view:
            view = view[await self._drive(lambda rest=view: self._tls.write(rest)) :]  # type: ignore[misc]

    async def _drive(self, step: Callable[[], T]) -> T:
        """Repeat a step of OpenSSL, giving it what it waits for, until it is done."""
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._channel.read()
                if not data:
                    raise Lost(EOF) from None
                self._incoming.write(data)
            except ssl.SSLZeroReturnError:
                raise
            except ssl.SSLError as error:
                await self._flush()  # the alert that tells the server why
                raise Lost(f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}") from error
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        async with self._sending:  # reader and writer may both have records to send
            if self._outgoing.pending:
                await self._channel.write(self._outgoing.read())
