import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from itm.dns.connections import Bounds, Connections
from itm.dns.networks import Networks
from itm.dns.tls import Handshakes
from itm.ops.guest import Guest
from tests.gateway.certificates import Certificates

Address = tuple[str, int]


class Echo(asyncio.Protocol):
    """Says everything again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Clock:
    """Moves on by itself a little, so that nobody is idle for equally long."""

    now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


class Client:
    """A connection whose handshake is done."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def is_served(self) -> bool:
        """Say something; whether it comes back."""
        self._writer.write(b"hello")
        try:
            return await asyncio.wait_for(self._reader.read(100), 5) == b"hello"
        except OSError:
            return False


async def connected(made: Certificates, address: Address, source: str = "127.0.0.1") -> Client:
    """Return a client from this address."""
    context, name = made.client_context(), "gw.test"
    streams = await asyncio.open_connection(
        *address, ssl=context, server_hostname=name, local_addr=(source, 0)
    )
    client = Client(*streams)
    assert await client.is_served()
    return client


def play(
    made: Certificates,
    scenario: Callable[[Address, Connections], Awaitable[None]],
    *,
    most: int = 100,
    per_client: int = 100,
    exempt: tuple[str, ...] = (),
    handshakes: int = 100,
    clock: Callable[[], float] | None = None,
) -> None:
    """Run the scenario against an echo over TLS within these bounds."""
    connections = Connections(Bounds(most, per_client, 60.0, Networks(exempt, "x")), clock or Clock())
    budget, context = Handshakes(handshakes, lambda: 1.0), made.server_context()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        taking = await loop.create_server(
            lambda: Guest(connections, budget, context, Echo), "127.0.0.1", 0, backlog=100
        )
        await scenario(taking.sockets[0].getsockname(), connections)
        taking.close()

    asyncio.run(run())


def test_the_idlest_gives_way_when_all_places_are_taken(tmp_path: Path) -> None:
    """A new client always gets in; who speaks stays."""
    made = Certificates(tmp_path)

    async def scenario(address: Address, connections: Connections) -> None:
        first, second = [await connected(made, address) for _ in range(2)]
        assert await first.is_served()
        third = await connected(made, address)
        assert [await one.is_served() for one in (first, second, third)] == [True, False, True]
        assert (len(connections), connections.shed_full, connections.shed_client) == (2, 1, 0)

    play(made, scenario, most=2)


@pytest.mark.parametrize(("exempt", "stays"), [((), False), (("127.0.0.1/32",), True)])
def test_a_client_has_so_many_and_a_trusted_proxy_any(
    tmp_path: Path, exempt: tuple[str, ...], stays: bool
) -> None:
    """Its own idlest gives way, nobody else's."""
    made = Certificates(tmp_path)

    async def scenario(address: Address, connections: Connections) -> None:
        other = await connected(made, address, "127.0.0.2")
        first = await connected(made, address)
        second = await connected(made, address)
        assert await other.is_served()
        assert await second.is_served()
        assert await first.is_served() is stays
        assert connections.shed_client == (0 if stays else 1)

    play(made, scenario, per_client=1, exempt=exempt)


def test_who_says_nothing_gives_way_before_the_handshake(tmp_path: Path) -> None:
    """A crowd that only connects takes no more than the bound, and keeps nobody out."""
    made = Certificates(tmp_path)

    async def scenario(address: Address, connections: Connections) -> None:
        crowd = [await asyncio.open_connection(*address) for _ in range(30)]
        assert await (await connected(made, address)).is_served()
        assert len(connections) == 5
        cut = [reader for reader, _ in crowd[:20]]
        assert [await asyncio.wait_for(reader.read(), 5) for reader in cut] == [b""] * 20

    play(made, scenario, most=5)


def test_what_fails_leaves_no_trace(tmp_path: Path) -> None:
    """Plain text, a client that goes away, one that does not trust us."""
    made = Certificates(tmp_path)

    async def scenario(address: Address, connections: Connections) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(reader.read(), 5)
        _, gone = await asyncio.open_connection(*address)
        gone.close()
        strict = ssl.create_default_context()
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection(*address, ssl=strict, server_hostname="gw.test")
        assert await (await connected(made, address)).is_served()
        assert len(connections) == 1

    play(made, scenario)


def test_handshakes_have_a_budget(tmp_path: Path) -> None:
    """Beyond it a connection is closed at its first bytes."""
    made = Certificates(tmp_path)

    async def scenario(address: Address, connections: Connections) -> None:
        client = await connected(made, address)
        with pytest.raises(OSError):
            await connected(made, address)
        assert await client.is_served()
        assert len(connections) == 1

    play(made, scenario, handshakes=1)


def test_much_goes_both_ways(tmp_path: Path) -> None:
    """A megabyte through records of 16 KiB, and the end is told (RFC 8446 6.1)."""
    made = Certificates(tmp_path)
    sent = bytes(range(256)) * 4096

    async def scenario(address: Address, connections: Connections) -> None:
        reader, writer = await asyncio.open_connection(
            *address, ssl=made.client_context(), server_hostname="gw.test"
        )
        writer.write(sent)
        assert await asyncio.wait_for(reader.readexactly(len(sent)), 10) == sent
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), 5)
        await asyncio.sleep(0.01)
        assert len(connections) == 0

    play(made, scenario)


def test_idle_connections_are_closed(tmp_path: Path) -> None:
    """By whoever calls `expire` now and then."""
    made = Certificates(tmp_path)
    clock = Clock()

    async def scenario(address: Address, connections: Connections) -> None:
        first, second = [await connected(made, address) for _ in range(2)]
        clock.now += 50
        assert await second.is_served()
        clock.now += 20
        connections.expire()
        assert [await one.is_served() for one in (first, second)] == [False, True]

    play(made, scenario, clock=clock)
