import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web

from itm.dns.listen import Listen
from itm.dns.listen import parse as parse_listen
from itm.errors import ConfigError
from itm.ops.listen import Door, bound, check_free, served


@contextlib.contextmanager
def taken(*, udp: bool = False, reuseport: bool = False) -> Iterator[Listen]:
    """Hold a port of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as held:
        if reuseport:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        if not udp:
            held.listen()
        yield Listen("127.0.0.1", held.getsockname()[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", Listen("127.0.0.1", 8080)),
        ("0.0.0.0:0", Listen("0.0.0.0", 0)),
        ("[::1]:53", Listen("::1", 53)),
        ("[2001:DB8::1]:65535", Listen("2001:db8::1", 65535)),
    ],
)
def test_an_address_with_a_port(text: str, expected: Listen) -> None:
    """IPv6 stands in brackets; the value prints as it is written."""
    assert parse_listen(text, "x") == expected
    assert str(expected) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        "127.0.0.1",
        "localhost:80",
        "::1:80",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "[127.0.0.1]:1",
        "1.2.3.4:x",
    ],
)
def test_anything_else_names_the_setting(text: str) -> None:
    """A name is not an address: what is bound is what is written."""
    with pytest.raises(ConfigError, match=r"^public\.listen: expected ADDRESS:PORT"):
        parse_listen(text, "public.listen")


@pytest.mark.parametrize(("udp", "word"), [(True, "UDP"), (False, "TCP")])
def test_a_taken_port_is_found(udp: bool, word: str) -> None:
    """Also when its holder would share it."""
    with taken(udp=udp, reuseport=True) as listen:
        with pytest.raises(
            ConfigError, match=rf"^x: cannot listen on {word} {listen}: Address already in use"
        ):
            check_free(listen, "x", udp=udp)
        check_free(Listen("127.0.0.1", 0), "x", udp=udp)


def test_an_application_is_served_on_all_addresses() -> None:
    """Two listeners, one application; both are gone after the block."""

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def scenario() -> None:
        app = web.Application()
        app.add_routes([web.get("/", hello)])
        wanted = [Listen("127.0.0.1", 0), Listen("127.0.0.2", 0)]
        async with aiohttp.ClientSession() as client:
            with bound(wanted, "x") as sockets:
                doors = [Door(sock) for sock in sockets]
                addresses = [door.address for door in doors]
                assert [listen.host for listen in addresses] == ["127.0.0.1", "127.0.0.2"]
                async with served(app, doors):
                    for listen in addresses:
                        async with client.get(f"http://{listen}/") as response:
                            assert await response.text() == "hello"
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(f"http://{addresses[0]}/")

    asyncio.run(scenario())


def test_a_listener_that_cannot_bind_names_the_setting() -> None:
    """The address was taken between the check and the start; what was bound before it is let go."""
    with taken() as free:
        pass
    with (
        taken() as listen,
        pytest.raises(ConfigError, match=rf"^ops\.listen: cannot listen on TCP {listen}"),
        bound([free, listen], "ops.listen"),
    ):
        pass
    check_free(free, "x")


def test_each_family_has_its_own_address() -> None:
    """The IPv6 wildcard leaves IPv4 alone, as an operator who lists both expects."""
    with taken() as listen, bound([Listen("::", listen.port)], "x") as sockets:
        assert Door(sockets[0]).address == Listen("::", listen.port)


def test_what_is_no_http_is_answered_and_counted_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A stranger's fault: no traceback for each, which would fill a disk and tell who it was."""

    async def body() -> None:
        with bound([Listen("127.0.0.1", 0)], "x") as sockets:
            door = Door(sockets[0])
            async with served(web.Application(), [door], malformed=lambda: counted.append(1)):
                for junk in (
                    b"GET / HTTP/9.9\r\n\r\n",
                    b"GET / HTTP/1.1\r\nContent-Length: nine\r\n\r\n",
                    b"\x16\x03\x01\r\n\r\n",  # which the HTTP server tells at level DEBUG only
                ):
                    reader, writer = await asyncio.open_connection(door.address.host, door.address.port)
                    writer.write(junk)
                    assert b" 400 " in await reader.readline()
                    writer.close()

    counted: list[int] = []
    for level in (logging.DEBUG, logging.INFO):
        with caplog.at_level(level, "aiohttp.server"):
            asyncio.run(body())
    assert len(counted) == 6
    assert [record for record in caplog.records if record.name == "aiohttp.server"] == []
