from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.broker.controller import Controllers
from gateway.broker.locations import Location
from gateway.broker.nfuse import User
from gateway.broker.sites import Site
from gateway.errors import Refused, Unreachable
from tests.gateway.broker.farm import Farm, Published, document, serving
from tests.gateway.broker.straight import Straight
from tests.gateway.certificates import Certificates

ANN = User("ann", "CORP")
HERE = Location("place-1", "acme", "place", 0.0)


def site_at(port: int) -> Site:
    return Site("farm-1", "acme", HERE.id, "farm", "127.0.0.1", port, "", "CORP", False, "", 0.0)


def farm() -> Farm:
    return Farm([Published("Notepad", "10.0.0.5:1494", users=("ann",))], {"ann": "secret"})


def test_the_three_questions() -> None:
    """Through the location's reach, each over a pipe of its own."""

    async def story(site: Site) -> None:
        straight = Straight()
        ask = Controllers(straight.reach)
        (found,) = await ask.applications(site, HERE, ANN)
        assert found.name == "Notepad"
        assert await ask.address(site, HERE, found.id, ANN) == ("10.0.0.5", 1494)
        await ask.validate(site, HERE, ANN, "secret")
        with pytest.raises(Refused, match="bad-credentials"):
            await ask.validate(site, HERE, ANN, "wrong")
        assert straight.opened == [("place-1", "127.0.0.1", site.port)] * 4

    with serving(farm()) as served:
        asyncio.run(story(site_at(served.port)))


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"", 200, "xml: no element found"),
        (b"<html>It works!</html>", 200, "expected NFuseProtocol"),
        (document("ResponseAppData", ""), 500, "the controller answers 500"),
        (b"x" * (4 * 1024 * 1024 + 1), 200, "more than 4194304 bytes"),
    ],
)
def test_a_controller_that_is_none(answer: bytes, status: int, reason: str) -> None:
    """The error names the site and what was wrong."""

    async def story(site: Site) -> None:
        with pytest.raises(Unreachable, match=f"site farm: .*{reason}"):
            await Controllers(Straight().reach).address(site, HERE, "x", ANN)

    with serving(replace(farm(), answer=answer, status=status)) as served:
        asyncio.run(story(site_at(served.port)))


def test_the_way_there() -> None:
    """A refusal on the way carries its code; silence ends by itself; what is not HTTP is said."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n\r\n")

    async def story() -> None:
        ask = Controllers(Straight("connector_target_denied").reach)
        with pytest.raises(Unreachable, match=r"site farm: 127\.0\.0\.1:80: connector_target_denied$"):
            await ask.applications(site_at(80), HERE, ANN)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            site = site_at(silent.getsockname()[1])
            with pytest.raises(Unreachable, match=r"site farm: no answer within 0\.2 s"):
                await Controllers(Straight().reach, seconds=0.2).applications(site, HERE, ANN)
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        site = site_at(server.sockets[0].getsockname()[1])
        with pytest.raises(Unreachable, match="does not speak HTTP"):
            await Controllers(Straight().reach, seconds=5).applications(site, HERE, ANN)
        server.close()

    asyncio.run(story())


def test_a_controller_with_tls(tmp_path: Path) -> None:
    """Its certificate must be of the authority that the site names."""
    made = Certificates(tmp_path)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            line for line in head.decode().splitlines() if line.lower().startswith("content-length")
        )
        body = farm().respond(await reader.readexactly(int(length.partition(":")[2])))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async def story() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=made.server_context())
        plain = site_at(server.sockets[0].getsockname()[1])
        site = replace(plain, has_tls=True, ca_pem=made.ca.read_text())
        (found,) = await Controllers(Straight().reach).applications(site, HERE, ANN)
        assert found.name == "Notepad"
        with pytest.raises(Unreachable, match=r"site farm: TLS: .*certificate"):
            await Controllers(Straight().reach).applications(replace(site, ca_pem=""), HERE, ANN)
        server.close()

    asyncio.run(story())
