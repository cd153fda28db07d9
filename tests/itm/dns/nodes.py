"""A running node for tests, and clients on real sockets of the loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from itm.dns.node import Node, NodeConfig
from tests.itm.dns.asking import Ask, Told, ecs

GW = Ask("gw.example.net.", 1, options=(ecs("133.11.0.0/24"),))
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def config(state: Path, **settings: Any) -> NodeConfig:
    """Settings of a node on 127.0.0.1 and ::1, any port."""
    (state / "maps").mkdir(exist_ok=True)
    files = [state / name for name in ("maps", "health", "dns-0.json", "signatures")]
    return NodeConfig(("127.0.0.1:0", "[::1]:0"), *files, **({"reload_seconds": 0.02} | settings))


def serve(config: NodeConfig, talk: Callable[[Node], Awaitable[None]], seconds: float = 15) -> None:
    """Run a node for as long as `talk` takes."""

    async def both() -> None:
        node = Node(config)
        ready = asyncio.Event()
        serving = asyncio.create_task(node.run(ready.set))
        await asyncio.wait_for(ready.wait(), 5)
        try:
            await asyncio.wait_for(talk(node), seconds)
        finally:
            node.stop()
            await serving

    asyncio.run(both())


async def udp(address: tuple[str, int], packet: bytes, source: str = "") -> bytes:
    """Ask over UDP."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        if source:
            sock.bind((source, 0))
        sock.connect(address)
        sock.send(packet)
        return await asyncio.wait_for(loop.sock_recv(sock, 65535), 5)


async def connect(address: tuple[str, int], source: str = "", **words: Any) -> Streams:
    """Open a connection, from one address of the loopback if given."""
    return await asyncio.open_connection(*address, local_addr=(source, 0) if source else None, **words)


async def read(reader: asyncio.StreamReader) -> bytes:
    """Return the next message."""
    (length,) = struct.unpack(">H", await asyncio.wait_for(reader.readexactly(2), 5))
    return await asyncio.wait_for(reader.readexactly(length), 5)


async def ask(streams: Streams, ask: Ask = GW, *, before: bytes = b"") -> Told:
    """Ask over a connection; `before` goes before the message."""
    reader, writer = streams
    packet = ask.packet()
    writer.write(before + struct.pack(">H", len(packet)) + packet)
    return Told(await read(reader))


async def is_closed(streams: Streams) -> bool:
    """Say whether the server ends the connection within five seconds, without another byte."""
    try:
        return await asyncio.wait_for(streams[0].read(), 5) == b""
    except ConnectionError:
        return True


async def until(check: Callable[[], bool]) -> None:
    """Wait for something that is seen from outside only."""
    async with asyncio.timeout(5):
        while not check():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
