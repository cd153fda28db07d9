"""What is checked: a process that answers as POPs do, a port per kind; prints them and serves until killed.

    python -m bench.checks.pops CERTIFICATE

`hang` accepts and says nothing, ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
from collections.abc import Awaitable, Callable

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nX-Pop: fra\r\n\r\nok\n"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def close(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Wait for nothing."""


async def wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Until the other side goes."""
    await reader.read()


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One HTTP response, whatever is asked."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(PAGE)
    await writer.drain()


async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A SOCKS5 greeting or a page."""
    if (await reader.readexactly(1)) != b"\x05":
        await page(reader, writer)
        return
    await reader.readexactly(2)
    writer.write(b"\x05\x00")
    await reader.read()


class Echo(asyncio.DatagramProtocol):
    """A DNS answer of no records: the query with QR set."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = data[:2] + bytes((data[2] | 0x80,)) + data[3:]
        self.transport.sendto(answer, addr)  # type: ignore[attr-defined]


async def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    kinds: dict[str, tuple[Serve, ssl.SSLContext | None]] = {
        "tcp": (close, None), "tls": (wait, context), "http": (page, None), "https": (page, context),
        "gateway": (gateway, context), "hang": (wait, None),
    }  # fmt: skip
    ports = {name: await listen(serve, tls) for name, (serve, tls) in kinds.items()}
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    ports["dns"] = transport.get_extra_info("sockname")[1]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


async def listen(serve: Serve, context: ssl.SSLContext | None) -> int:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context, backlog=2048)
    return int(server.sockets[0].getsockname()[1])


if __name__ == "__main__":
    asyncio.run(main())
