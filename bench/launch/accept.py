"""A bare TLS accept with the POP's own parts: shakes hands, sends one byte, closes.

    python -m bench.launch.accept CERTIFICATE

Prints its port, serves until killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from pathlib import Path

from gateway.channel import Channel, tune
from gateway.dial import start_tls
from gateway.errors import GatewayError


async def serve(certificate: Path) -> None:
    """Accept for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    tune(listening)
    print(listening.getsockname()[1], flush=True)
    async with asyncio.TaskGroup() as tasks:
        while True:
            sock, _ = await loop.sock_accept(listening)
            tasks.create_task(_greet(Channel(sock, loop), context))


async def _greet(plain: Channel, context: ssl.SSLContext) -> None:
    with contextlib.suppress(GatewayError):
        channel = await start_tls(plain, context, seconds=10)
        await channel.write(b".")
        await channel.farewell()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
