"""Dialling POPs, directly and through a proxy, and VDAs within the allow-list; over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.connector.allow import parse_allow_list
from gateway.connector.dial import PopDial, open_own, open_vda
from gateway.connector.outbound import Proxy
from gateway.errors import Lost, Refused, Unreachable
from gateway.protocol.codes import CloseCode
from tests.gateway.certificates import Certificates

ALPN = "hdx-dat/1"
LOOPBACK = parse_allow_list(["127.0.0.1:*"])


def within(story: Callable[[], object]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await story()  # type: ignore[misc]

    asyncio.run(bounded())


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()
    writer.close()


class HttpProxy:
    """Answers CONNECT and copies bytes; `asked` are the targets."""

    def __init__(self, status: str = "200 OK") -> None:
        self.asked: list[str] = []
        self._status = status

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        target = request.split()[1].decode()
        self.asked.append(target)
        writer.write(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
        host, _, port = target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def test_a_pop_is_verified_and_speaks_the_protocol(tmp_path: Path) -> None:
    """Name, authority and ALPN must fit; then bytes flow."""
    certificates = Certificates(tmp_path)

    async def story() -> None:
        context = certificates.server_context(alpn=(ALPN,))
        server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=context)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ours = certificates.client_context(alpn=(ALPN,))
        dial = PopDial({ALPN: ours, "other": certificates.client_context(alpn=("other",))}, "gw.test")
        async with server:
            channel = await dial.open(address, ALPN)
            assert await channel.read_exactly(5) == b"hello"
            channel.close()
            with pytest.raises(Lost):
                await dial.open(address, "other")
            with pytest.raises(Lost, match="certificate"):
                await replace(dial, gateway_name="else.test").open(address, ALPN)

    within(story)


def test_through_a_proxy(tmp_path: Path) -> None:
    """TLS runs end to end through the tunnel; a proxy's refusal is told."""
    certificates = Certificates(tmp_path)

    async def story() -> None:
        context = certificates.server_context(alpn=(ALPN,))
        server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=context)
        proxy, shut = HttpProxy(), HttpProxy("403 Forbidden")
        tunnels = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        refusing = await asyncio.start_server(shut.serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        dial = PopDial({ALPN: certificates.client_context(alpn=(ALPN,))}, "gw.test")
        async with server, tunnels, refusing:
            through = Proxy("http", *tunnels.sockets[0].getsockname())
            channel = await replace(dial, proxy=through).open(address, ALPN)
            assert await channel.read_exactly(5) == b"hello"
            channel.close()
            assert proxy.asked == [address]
            assert 0 < await replace(dial, proxy=through).measure(address) < 2000
            assert proxy.asked == [address, address]
            assert 0 < await dial.measure(address) < 2000
            with pytest.raises(Refused, match="403 Forbidden"):
                await replace(dial, proxy=Proxy("http", *refusing.sockets[0].getsockname())).open(
                    address, ALPN
                )
        with pytest.raises(Unreachable):
            await dial.open("127.0.0.1:1", ALPN)

    within(story)


def test_vdas() -> None:
    """An admitted one is dialled; every failure has its code."""

    async def story() -> None:
        async def fails(target: str, code: CloseCode) -> None:
            with pytest.raises(Refused) as caught:
                await open_vda(target, LOOPBACK)
            assert caught.value.code == code

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        async with server:
            channel = await open_vda(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", LOOPBACK)
            assert await channel.read_exactly(5) == b"hello"
            channel.close()
        await fails("127.0.0.1:1", CloseCode.VDA_REFUSED)
        await fails("127.0.0.2:1", CloseCode.CONNECTOR_TARGET_DENIED)
        await fails("no-such-name.invalid:1", CloseCode.VDA_NAME)

    within(story)


def test_an_agent_serves_its_own_machine_alone() -> None:
    """By each of its names, at the ports that its rules admit; never another host."""

    async def story() -> None:
        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        allow = parse_allow_list([f"127.0.0.1:{port}"])
        async with server:
            channel = await open_own(f"Desk-7.corp:{port}", ("desk-7.corp",), allow)
            assert await channel.read_exactly(5) == b"hello"
            channel.close()
            for target in (f"desk-8.corp:{port}", f"127.0.0.1:{port}", "desk-7.corp:1"):
                with pytest.raises(Refused) as caught:
                    await open_own(target, ("desk-7.corp",), allow)
                assert caught.value.code == CloseCode.CONNECTOR_TARGET_DENIED

    within(story)


def test_a_vdas_socket_is_prompt_and_watched() -> None:
    """TCP_NODELAY and keep-alive, as on every socket of the gateway."""

    async def story() -> None:
        async with await asyncio.start_server(hello, "127.0.0.1", 0) as server:
            channel = await open_vda(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", LOOPBACK)
            assert channel.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert channel.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            channel.close()

    within(story)
