"""What channels opened in advance are worth: an open against a real POP, over a wire with a known delay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.connector.dial import PopDial
from gateway.connector.parked import Parked
from gateway.connector.wires import Wires
from gateway.protocol import data
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import FAST, Behaviour, scene, until

ONE_WAY_SECONDS = 0.05


@contextlib.asynccontextmanager
async def delaying(port: int) -> AsyncIterator[int]:
    """A proxy before a local port: every byte arrives so much later. TCP's own handshake is not delayed."""
    tasks: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while more := await reader.read(65_536):
                loop.call_later(ONE_WAY_SECONDS, writer.write, more)
        loop.call_later(ONE_WAY_SECONDS, writer.close)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        for pair in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(copy(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_parked_channel_saves_the_handshakes(certificates: Certificates, tmp_path: Path) -> None:
    """From the connector's `Open` to the POP's yes: one round trip parked, two with TLS, three with TCP's."""

    async def body() -> None:
        times = replace(
            FAST, park_seconds=30.0, handshake_seconds=5.0, hedge_seconds=30.0, launch_seconds=20.0
        )
        async with scene(certificates, tmp_path / "a", times=times) as s, delaying(s.port) as port:
            connector = await s.connector("c-1", Behaviour(is_silent=True))
            context = certificates.client_context(identity=connector.identity, alpn=(data.ALPN,))
            dial = PopDial({data.ALPN: context}, "gw.test")
            parked = Parked(lambda: dial, kept=1)
            wires = Wires(lambda: dial, parked)
            took_ms: dict[bool, list[float]] = {False: [], True: []}
            holding = asyncio.ensure_future(parked.hold(f"127.0.0.1:{port}"))
            for number in range(6):
                await until(lambda: len(parked) == 1)
                opening = asyncio.ensure_future(s.socks(s.sta.know(number)))
                await until(lambda number=number: len(connector.opens) == number + 1)  # type: ignore[misc]
                is_parked = bool(number % 2)
                # an address with nothing parked: the same wire by another name
                address = f"127.0.0.1:{port}" if is_parked else f"localhost:{port}"
                order = replace(connector.opens[-1], pop=(address,))
                begun = asyncio.get_running_loop().time()
                wire = await wires.reach(order)
                assert wire.is_parked == is_parked
                s.channels.append(await wires.prove(wire, order))
                took_ms[is_parked].append((asyncio.get_running_loop().time() - begun) * 1000)
                assert (await opening)[1] == 0
            holding.cancel()
            fresh, early = (sorted(took_ms[kind])[1] for kind in (False, True))
            rtt_ms = 2000 * ONE_WAY_SECONDS
            print(f"round trip {rtt_ms:.0f} ms: fresh {fresh:.0f} ms, parked {early:.0f} ms")
            assert rtt_ms <= early < 1.6 * rtt_ms
            assert fresh > early + 0.7 * rtt_ms

    asyncio.run(body())
