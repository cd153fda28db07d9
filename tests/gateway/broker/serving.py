"""A broker that really serves on loopback with certificates of its own authority, and its clients."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from gateway.broker import locations
from gateway.broker.config import Settings
from gateway.broker.desk import Desk, opened
from gateway.broker.program import Running, serving
from gateway.connector.credential import new_key_request
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import ALPN, Frame, FrameReader, Hello, encode
from tests.gateway.broker.world import FAST


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of one response."""

    status: int
    headers: Any
    body: bytes
    json: Any


@dataclass(frozen=True)
class Served:
    """A running broker; `call` makes one request."""

    desk: Desk
    running: Running

    async def call(self, method: str, path: str, *, tls: ssl.SSLContext | None = None, **more: Any) -> Answer:
        context = tls or trusting(self.desk)
        url = f"https://{self.running.api}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, ssl=context, **more) as response,
        ):
            body = await response.read()
            is_json = response.content_type == "application/json"
            return Answer(response.status, response.headers, body, await response.json() if is_json else None)

    async def enrol(self, role: str, token: str) -> tuple[ssl.SSLContext, dict[str, Any]]:
        """Spend a token; return a context that presents the certificate, and the answer."""
        key = new_key_request()
        answer = await self.call("POST", f"/{role}s/enrol", json={"token": token, "csr_pem": key.csr_pem})
        assert answer.status == 200, answer.body
        return presenting(self.desk, answer.json["cert_pem"], key.key_pem), answer.json

    async def enrol_connector(self, site: str = "site") -> tuple[ssl.SSLContext, dict[str, Any]]:
        """A connector of a location made for it; return its context and what enrolment answered."""
        desk = self.desk
        location = locations.create(desk.engine, site, tenant="default", now=desk.clock())
        return await self.enrol("connector", desk.enrolment.connector_token(location, desk.clock()))

    async def enrol_pop(self, name: str = "fra", address: str = "127.0.0.1:443") -> ssl.SSLContext:
        token = self.desk.enrolment.pop_token(name, [address], self.desk.clock())
        return (await self.enrol("pop", token))[0]


@contextlib.asynccontextmanager
async def broker(
    tmp_path: Path, *, clock: Callable[[], float] = time.time, **settings: Any
) -> AsyncIterator[Served]:
    """A broker with fast passwords on ports the system chooses; `clock` is that of tickets and tokens."""
    chosen = Settings(
        state=str(tmp_path / "broker"), listen="127.0.0.1:0", signal="127.0.0.1:0", gateway="gw.example:443"
    )
    with opened(replace(chosen, **settings)) as desk:
        desk = replace(desk, passwords=FAST, clock=clock)
        async with serving(desk) as running:
            yield Served(desk, running)


def trusting(desk: Desk) -> ssl.SSLContext:
    """A client that trusts the authority and presents nothing."""
    return ssl.create_default_context(cadata=desk.authority.ca_pem)


def presenting(desk: Desk, cert_pem: str, key_pem: str) -> ssl.SSLContext:
    """A client that presents this certificate."""
    context = trusting(desk)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(cert_pem + key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


class PopLine:
    """A POP's control channel to the broker, as a test drives it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._frames = FrameReader(CloseCode.BROKER_INTERNAL)
        self._waiting: list[Frame] = []

    @classmethod
    async def dial(
        cls, served: Served, tls: ssl.SSLContext, name: str, address: str = "127.0.0.1:443"
    ) -> PopLine:
        tls.set_alpn_protocols([ALPN])
        host, _, port = served.running.signal.rpartition(":")
        line = cls(*await asyncio.open_connection(host, int(port), ssl=tls))
        line.send(Hello("pop", name, addresses=(address,)))
        return line

    def send(self, *frames: Frame) -> None:
        self.writer.write(b"".join(encode(frame) for frame in frames))

    async def receive(self) -> Frame | None:
        """The next frame; None when the broker has closed."""
        async with asyncio.timeout(5):
            while not self._waiting:
                try:
                    data = await self.reader.read(65_536)
                except (ConnectionError, ssl.SSLError):
                    return None
                if not data:
                    return None
                self._waiting += self._frames.receive(data)
        return self._waiting.pop(0)
