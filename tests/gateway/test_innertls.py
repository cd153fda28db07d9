"""TLS in TLS over real sockets."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.channel import Channel
from gateway.dial import connect
from gateway.errors import Lost
from gateway.innertls import InnerTls
from gateway.pump import scratch, splice
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import tcp_pair, tls_pair


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once: keys take time."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


async def far_server(certificates: Certificates, tasks: asyncio.TaskGroup) -> tuple[Channel, int]:
    """A TLS channel whose other end is spliced to a listening TLS echo; return it and the port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=certificates.server_context())
    port = server.sockets[0].getsockname()[1]
    middle, near = await tls_pair(certificates)

    async def carry() -> None:
        target = await connect("127.0.0.1", port, seconds=5)
        await splice(middle, target, scratch(), idle_seconds=60)
        server.close()

    tasks.create_task(carry())
    return near, port


def test_bytes_cross_both_layers(certificates: Certificates) -> None:
    """A megabyte there and back."""

    async def body() -> None:
        async with asyncio.TaskGroup() as tasks:
            pipe, _ = await far_server(certificates, tasks)
            inner = await InnerTls.open(pipe, certificates.client_context(), "gw.test", seconds=5)
            sent = bytes(range(256)) * 4096
            writing = tasks.create_task(inner.write(sent))
            got = b""
            while len(got) < len(sent):
                got += await inner.read()
            await writing
            assert got == sent
            pipe.close()

    asyncio.run(body())


@pytest.mark.parametrize(
    ("name", "is_trusted", "reason"),
    [("other.test", True, "Hostname mismatch"), ("gw.test", False, "certificate")],
)
def test_a_stranger_is_not_trusted(
    certificates: Certificates, tmp_path: Path, name: str, is_trusted: bool, reason: str
) -> None:
    """Another name, or another authority: nothing is said to it."""

    async def body() -> None:
        async with asyncio.TaskGroup() as tasks:
            pipe, _ = await far_server(certificates, tasks)
            other = certificates if is_trusted else Certificates(tmp_path)
            with pytest.raises(Lost, match=reason):
                await InnerTls.open(pipe, other.client_context(), name, seconds=5)
            pipe.close()

    asyncio.run(body())


def test_an_end_in_the_middle_is_a_loss(certificates: Certificates) -> None:
    """So is a server that says nothing in time."""

    async def body() -> None:
        context: ssl.SSLContext = certificates.client_context()
        near, far = tcp_pair()
        with pytest.raises(Lost, match="within"):
            await InnerTls.open(near, context, "gw.test", seconds=0.05)
        far.close()
        with pytest.raises(Lost):
            await InnerTls.open(near, context, "gw.test", seconds=5)
        near.close()

    asyncio.run(body())
