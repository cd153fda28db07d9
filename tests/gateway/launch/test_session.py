"""A launched session against a POP that lives in the test: what it does when its wire is lost."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as File

import pytest

from gateway.launch.liveness import Patience
from gateway.launch.paths import Path, Paths
from gateway.launch.session import Session
from gateway.launch.wire import client_context, open_wire
from gateway.protocol import rspframe
from gateway.protocol.budget import Budget
from gateway.protocol.hello import Accepted, ClientHello, encode_answer, parse_hello
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Data
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import tcp_pair

SESSION = "ab" * 16


class FarEnd:
    """POP and connector in one: joins every wire to one endpoint that swallows what comes."""

    def __init__(self) -> None:
        self.behind_hello: list[bytes] = []
        self.got = b""
        self.changed = asyncio.Event()
        self._endpoint = Endpoint(SESSION, is_initiator=False, budget=Budget())
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(4096)
        while (parsed := parse_hello(data)) is None:
            data += await reader.read(4096)
        hello, size = parsed
        self.behind_hello.append(data[size:])
        self._writer = writer
        writer.write(encode_answer(Accepted(SESSION, "token", "c-1")))
        data = data[size:]
        while not self._endpoint.has_greeting(data):
            data += await reader.read(4096)
        self._take(self._endpoint.adopt(data, hello.epoch), writer)
        while data := await reader.read(65536):
            self._take(self._endpoint.receive(data, hello.epoch), writer)
        writer.close()

    def _take(self, events: list[object], writer: asyncio.StreamWriter) -> None:
        for event in events:
            if isinstance(event, Data):
                self.got += bytes(event.payload)
                self._endpoint.consumed(len(event.payload))
        self._endpoint.flush()
        writer.write(self._endpoint.take())
        self.changed.set()

    def reset(self) -> None:
        """The POP dies."""
        assert self._writer is not None
        self._endpoint.lost()
        self._writer.transport.abort()

    async def wait_for(self, got: bytes) -> None:
        async with asyncio.timeout(10):
            while self.got != got:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def pop(certificates: Certificates) -> AsyncIterator[tuple[FarEnd, Path, ssl.SSLContext]]:
    far = FarEnd()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server())
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0, ssl=context)
    path = Path("gw.test", "127.0.0.1", server.sockets[0].getsockname()[1])
    async with server:
        yield far, path, client_context(str(certificates.ca))


def test_a_busy_session_resumes_at_once_and_saves_a_round_trip(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No random pause while bytes flow, and RESUME goes with the hello of a wire that will be used."""
    monkeypatch.setattr(random, "uniform", lambda *_: 3600.0)

    async def story() -> None:
        async with pop(Certificates(tmp_path)) as (far, path, context):
            wire = await open_wire(path, ClientHello(1, ticket=";40;STA1;" + "A" * 32), context)
            program, app = tcp_pair()
            session = Session(wire, Paths([path]), app, context, Patience(), time.monotonic)
            running = asyncio.create_task(session.run(wire))
            await program.write(b"before ")
            await far.wait_for(b"before ")
            far.reset()
            await program.write(b"after")
            await far.wait_for(b"before after")
            assert [len(behind) for behind in far.behind_hello] == [0, rspframe.GREETING_BYTES]
            assert session.resumes == 1
            program.abort()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
