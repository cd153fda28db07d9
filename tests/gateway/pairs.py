"""Connected channels for tests: plain and TLS pairs over real loopback sockets."""

from __future__ import annotations

import asyncio
import socket

from gateway.channel import Channel, tune
from gateway.dial import start_tls
from tests.gateway.certificates import Certificates


def tcp_pair(*, buffer_bytes: int = 0) -> tuple[Channel, Channel]:
    """Return two plain ends; `buffer_bytes` shrinks the kernel's buffers so that they fill soon."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener:
        if buffer_bytes:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        near = socket.socket()
        if buffer_bytes:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
    tune(near)
    tune(far)
    return Channel(near, loop), Channel(far, loop)


async def tls_pair(certificates: Certificates, *, buffer_bytes: int = 0) -> tuple[Channel, Channel]:
    """Return (server's end, client's end) of one TLS connection."""
    near, far = tcp_pair(buffer_bytes=buffer_bytes)
    server, client = await asyncio.gather(
        start_tls(near, certificates.server_context(), seconds=5),
        start_tls(far, certificates.client_context(), server_name="gw.test", seconds=5),
    )
    return server, client


async def read_all(channel: Channel) -> bytes:
    """Read to the clean end."""
    data = b""
    while more := await channel.read():
        data += more
    return data
