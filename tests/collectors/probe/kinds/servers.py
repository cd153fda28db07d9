"""Real servers on loopback for checks: streams that answer as told, plain or with a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from collectors.probe.check import check
from collectors.probe.outcome import Outcome
from collectors.probe.target import Target

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections inside the block; yields the port."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def checked(target: Target, serve: Serve, context: ssl.SSLContext | None = None) -> Outcome:
    """Check a server that serves so; the target's port is taken from it."""

    async def scenario() -> Outcome:
        async with listening(serve, context) as port:
            return await check(replace(target, port=port))

    return asyncio.run(scenario())


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing until the client goes."""
    await reader.read()


def saying(answer: bytes) -> Serve:
    """Answer every request head with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return serve
