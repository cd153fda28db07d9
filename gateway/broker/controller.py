"""Asking a site's controller: the XML exchange as HTTP/1.1 over a pipe that its location's connector carries.

Whatever goes wrong is `Unreachable` with the site's name and the reason, but for the controller's own no
(`Refused`). Knows no cache and no page.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

import h11

from gateway.broker import nfuse
from gateway.broker.locations import Location
from gateway.broker.nfuse import Application, User
from gateway.broker.reach import Reach
from gateway.broker.sites import Site
from gateway.errors import Invalid, Lost, Refused, Unreachable
from gateway.innertls import InnerTls

SECONDS: Final = 5.0
"""For one question, from the dial to the last byte."""


class Pipe(Protocol):
    """What an exchange needs of a channel."""

    async def read(self) -> bytes:
        """Return some bytes, b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Send all of it."""


@dataclass(frozen=True, slots=True)
class Controllers:
    """Asks controllers in locations that `reach` leads to."""

    reach: Reach
    seconds: float = SECONDS

    async def applications(
        self, site: Site, location: Location, user: User | None
    ) -> tuple[Application, ...]:
        """Return what the user may open, None: what anybody may. Raises `Unreachable`, `Refused`."""
        async with self._asking(site):
            body = await self._ask(site, location, nfuse.request_applications(user))
            return await asyncio.to_thread(nfuse.read_applications, body)

    async def address(
        self, site: Site, location: Location, application: str, user: User | None
    ) -> tuple[str, int]:
        """Return which VDA is to serve the application's id now. Raises `Unreachable`, `Refused`."""
        async with self._asking(site):
            return nfuse.read_address(
                await self._ask(site, location, nfuse.request_address(application, user))
            )

    async def validate(self, site: Site, location: Location, user: User, password: str) -> None:
        """Return if the controller finds the password right. Raises `Unreachable`, `Refused`."""
        async with self._asking(site):
            nfuse.read_validation(await self._ask(site, location, nfuse.request_validation(user, password)))

    @contextlib.asynccontextmanager
    async def _asking(self, site: Site) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.seconds):
                yield
        except TimeoutError:
            raise Unreachable(f"site {site.name}: no answer within {self.seconds:g} s") from None
        except Refused as error:
            if error.code == "site_refused":
                raise
            text = "" if str(error) == error.code else f": {error}"
            raise Unreachable(f"site {site.name}: {site.controller}: {error.code}{text}") from error
        except (Invalid, Lost) as error:
            raise Unreachable(f"site {site.name}: {error}") from error

    async def _ask(self, site: Site, location: Location, body: bytes) -> bytes:
        async with self.reach.open(location, site.host, site.port, seconds=self.seconds) as channel:
            pipe: Pipe = channel
            if site.has_tls:
                context = ssl.create_default_context(cadata=site.ca_pem or None)
                pipe = await InnerTls.open(channel, context, site.host, seconds=self.seconds)
            return await exchange(pipe, site.controller, body)


async def exchange(pipe: Pipe, host: str, body: bytes) -> bytes:
    """Post a question and return the answer's body. Raises `Lost`, `Invalid`."""
    http = h11.Connection(h11.CLIENT)
    headers = [
        ("Host", host),
        ("Content-Type", nfuse.CONTENT_TYPE),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    request = h11.Request(method="POST", target=nfuse.PATH, headers=headers)
    sent = (http.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage()))
    await pipe.write(b"".join(sent))
    answer = bytearray()
    try:
        while not isinstance(event := await _next(http, pipe), h11.EndOfMessage):
            if isinstance(event, h11.Response) and event.status_code != 200:
                raise Invalid([f"the controller answers {event.status_code}"])
            if isinstance(event, h11.ConnectionClosed):
                raise Lost("the controller closed without an answer")
            if isinstance(event, h11.Data):
                answer += event.data
            if len(answer) > nfuse.MOST_BYTES:
                raise Invalid([f"the controller answers more than {nfuse.MOST_BYTES} bytes"])
    except h11.RemoteProtocolError as error:
        raise Invalid([f"the controller does not speak HTTP: {error}"]) from None
    return bytes(answer)


async def _next(http: h11.Connection, pipe: Pipe) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await pipe.read())
    return event
