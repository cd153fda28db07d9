"""The echo VDA over one real socket."""

from __future__ import annotations

import asyncio

from gateway.connector.echo import serve_echo


async def exchange(data: bytes) -> bytes:
    server = await serve_echo("127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


def test_echo_after_half_close() -> None:
    """Everything comes back, also what was sent before our half-close."""
    data = bytes(range(256)) * 4096
    assert asyncio.run(exchange(data)) == data
