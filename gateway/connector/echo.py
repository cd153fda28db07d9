"""The echo VDA: sends back every byte it receives, and half-closes after the peer did.

It stands in for a desktop in tests and in a first try of a new Resource Location.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

CHUNK: Final = 64 * 1024


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one client; a slow one stops us reading, no more than a few chunks are held."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def serve_echo(host: str, port: int) -> asyncio.Server:
    """Listen and echo until the server is closed."""
    return await asyncio.start_server(echo, host, port)
