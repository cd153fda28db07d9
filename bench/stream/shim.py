"""The launcher's place without the resumable stream: local TCP in, TLS and SOCKS5 with a ticket out, a pump.

    python -m bench.stream.shim POP_PORT TICKET

Prints its port, serves one connection, ends with it.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from bench.relay.load import client_context
from gateway.channel import Channel, tune
from gateway.dial import connect, start_tls
from gateway.pump import scratch, splice


async def serve(pop: int, ticket: str) -> None:
    """Join one local client to one session."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        print(listening.getsockname()[1], flush=True)
        local, _ = await loop.sock_accept(listening)
    tune(local)
    wire = await start_tls(
        await connect("127.0.0.1", pop, seconds=5), client_context(), server_name="localhost", seconds=5
    )
    name = ticket.encode()
    await wire.write(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x00\x50")
    answer = await wire.read_exactly(12)
    assert answer[:4] == b"\x05\x00\x05\x00", answer
    await splice(Channel(local, loop), wire, scratch(), idle_seconds=600)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
