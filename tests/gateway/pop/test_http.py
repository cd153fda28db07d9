"""HTTP to a server on kept connections."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from gateway.errors import ConfigError, Lost, Unreachable
from gateway.pop.http import HttpPeer, fetch
from tests.gateway.pop.itmserver import POP, fake_itm

STATE = f"/api/v1/pops/{POP}/state?while=&wait=0"


def peer(url: str) -> HttpPeer:
    return HttpPeer(
        url, ssl.create_default_context, setting="pop.itm", headers=lambda: [("Authorization", "Bearer x")]
    )


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1", "http://itm.example.net", "ftp://127.0.0.1", "127.0.0.1:1", "https://"]
)
def test_only_https_or_loopback(url: str) -> None:
    """A token in plain text leaves no machine; the setting is named."""
    with pytest.raises(ConfigError, match=r"^pop\.itm: expected https"):
        peer(url)


def test_a_connection_is_kept_until_the_server_closes_it() -> None:
    """Two requests share one; after a restart of the server a fresh one is made; without one: Unreachable."""

    async def body() -> None:
        async with fake_itm() as itm:
            http = peer(itm.url)
            for _ in range(2):
                status, _answer = await http.request("GET", STATE)
                assert status == 200
            assert len(http._idle) == 1
            port = itm.port
        with pytest.raises(Unreachable):
            await http.request("GET", STATE)
        async with fake_itm(port) as again:
            assert (await http.request("POST", "/api/v1/feed", b'{"metric": "m"}'))[0] == 200
            assert again.tokens == ["Bearer x"]
            http.close()

    asyncio.run(body())


def test_no_tls_there_is_unreachable_and_no_http_is_lost() -> None:
    """Before the request is sent nothing can have arrived; after it, it may have."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"SSH-2.0-nothing\r\n\r\n")
        writer.close()

    async def body() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unreachable):
                await peer(f"https://127.0.0.1:{port}").request("GET", "/")
            with pytest.raises(Lost, match="not HTTP"):
                await peer(f"http://127.0.0.1:{port}").request("GET", "/")

    asyncio.run(body())


def test_a_fetch_takes_the_first_body_that_is_good() -> None:
    """A server that is away, or says no, is passed over; so is a body that is not taken."""

    async def body() -> None:
        async with fake_itm() as gone:
            away = peer(gone.url)
        async with fake_itm() as itm:
            good, bodies = peer(itm.url), list[bytes]()

            def take(found: bytes) -> bool:
                bodies.append(found)
                return len(bodies) > 1

            assert not await fetch([away, good], "/no/such/path", take)
            assert bodies == []
            assert await fetch([away, good, good], STATE, take)
            assert len(bodies) == 2
            assert not await fetch([], STATE, take)
            good.close()

    asyncio.run(body())
