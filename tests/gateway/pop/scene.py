"""A whole POP on loopback with a fake broker (STA) and fake connectors, all over real TLS.

The fake connector proves its data channels and answers as an echo VDA itself; `Behaviour` makes it slow,
silent or refusing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.channel import Channel
from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.pop.config import Caps, PopConfig, Times
from gateway.pop.credential import Credential
from gateway.pop.program import Pop
from gateway.protocol import control, data, hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Cancel,
    Frame,
    FrameReader,
    Hello,
    Open,
    Opened,
    Ping,
    Pong,
    Refused,
    Welcome,
)
from tests.gateway.certificates import Certificates

LOCATION = "loc1"
TICKETS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
FAST = Times(
    handshake_seconds=1.5, preamble_seconds=0.3, park_seconds=0.3, launch_seconds=2.0, hedge_seconds=0.05,
    redeem_seconds=0.5, drain_seconds=0.3, alternates_seconds=0.05,
)  # fmt: skip


def ticket(number: int) -> str:
    """A well-formed ticket; the fake STA accepts those it was told of."""
    return f";40;STA1;{TICKETS[:28]}{number:04d}"


@dataclass
class FakeSta:
    """Redeems each known ticket once. `delay` makes it silent, `status` makes it fail."""

    grants: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    delay: float = 0.0
    status: int = 200
    unknown: str = "client_ticket_refused"
    alternates: list[dict[str, object]] = field(default_factory=list)
    named: int = 0
    """How often it was asked for them."""
    url: str = ""

    def know(self, number: int, **changes: object) -> str:
        """Make a ticket good; returns it."""
        self.grants[ticket(number)] = {
            "session": f"{number:032x}", "user": "ada", "tenant": "acme", "location": LOCATION,
            "target": "vda.test:1494", "resource": "desk", "limits": {"idle_seconds": 60, "max_seconds": 600},
            "resume_token": "", "open_key": "00" * 32,
        } | changes  # fmt: skip
        return ticket(number)

    async def redeem(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.asked.append(body["ticket"])
        await asyncio.sleep(self.delay)
        if self.status != 200:
            return web.json_response({}, status=self.status)
        grant = self.grants.pop(body["ticket"], None)
        if grant is None:
            return web.json_response({"code": self.unknown}, status=403)
        return web.json_response(grant)

    async def name_alternates(self, _request: web.Request) -> web.Response:
        self.named += 1
        return web.json_response({"alternates": self.alternates}, status=self.status)


@dataclass
class Behaviour:
    """How a fake connector serves an `Open`; `carry` takes each joined wire in the echo's place."""

    refuse: CloseCode | None = None
    delay: float = 0.0
    is_silent: bool = False
    bad_proof: bool = False
    capacity: int = 100
    carry: Callable[[Channel], object] | None = None


@dataclass
class FakeConnector:
    """Its control channel, what it was asked, and the data channels it opened."""

    name: str
    identity: Path
    channel: Channel
    behaviour: Behaviour
    opens: list[Open] = field(default_factory=list)
    cancels: list[Cancel] = field(default_factory=list)
    other: list[Frame] = field(default_factory=list)
    wires: list[Channel] = field(default_factory=list)


@dataclass
class Scene:
    """Everything of one test."""

    certificates: Certificates
    pop: Pop
    sta: FakeSta
    stas: list[FakeSta]
    tasks: asyncio.TaskGroup
    token_key: Ed25519PrivateKey
    stopping: asyncio.Event
    state: Path
    channels: list[Channel] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.pop.listening[0][1])

    def refused(self, reason: str) -> int:
        """How often the POP counted this reason."""
        return self.pop.counters.values["refused", reason]

    async def client(self, *, alpn: tuple[str, ...] = ()) -> Channel:
        """Connect and shake hands as a client."""
        plain = await connect("127.0.0.1", self.port, seconds=5)
        context = self.certificates.client_context(alpn=alpn)
        channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
        self.channels.append(channel)
        return channel

    async def socks(self, ticket_text: str) -> tuple[Channel, int]:
        """Open a session as the ICA proxy form does; return the channel and the SOCKS5 reply."""
        channel = await self.client()
        await channel.write(b"\x05\x02\x00\x01")
        assert await channel.read_exactly(2) == b"\x05\x00"
        name = ticket_text.encode()
        await channel.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x0a\x26")
        return channel, (await channel.read_exactly(10))[1]

    async def connector(
        self,
        name: str = "c-1",
        behaviour: Behaviour | None = None,
        *,
        location: str = LOCATION,
        claims: str = "",
        made_for: tuple[str, ...] = (),
    ) -> FakeConnector:
        """Bring a connector's control channel up and serve it."""
        hosts = [f"hdx-vda:{host}" for host in made_for]
        uris = (f"hdx://connector/acme/{location}/{name}", *hosts)
        identity = self.certificates.client(*uris, file=f"{name}.pem")
        context = self.certificates.client_context(identity=identity, alpn=(control.ALPN,))
        plain = await connect("127.0.0.1", self.port, seconds=5)
        channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
        self.channels.append(channel)
        made = FakeConnector(name, identity, channel, behaviour or Behaviour())
        hello = Hello("connector", claims or name, location=location, capacity=made.behaviour.capacity)
        await channel.write(control.encode(hello))
        frames = FrameReader(CloseCode.POP_OTHER)
        assert isinstance((frames.receive(await channel.read()))[0], Welcome)
        self.tasks.create_task(self._serve(made, frames))
        return made

    async def _serve(self, connector: FakeConnector, frames: FrameReader) -> None:
        with contextlib.suppress(Lost):
            while data_ := await connector.channel.read():
                for frame in frames.receive(data_):
                    if isinstance(frame, Open):
                        connector.opens.append(frame)
                        self.tasks.create_task(self._open(connector, frame))
                    elif isinstance(frame, Cancel):
                        connector.cancels.append(frame)
                    elif isinstance(frame, Ping):
                        await connector.channel.write(control.encode(Pong(frame.token)))
                    else:
                        connector.other.append(frame)

    async def _open(self, connector: FakeConnector, order: Open) -> None:
        behaviour = connector.behaviour
        if behaviour.is_silent:
            return
        await asyncio.sleep(behaviour.delay)
        if behaviour.refuse is not None:
            await connector.channel.write(control.encode(Refused(order.nonce, behaviour.refuse)))
            return
        with contextlib.suppress(Lost):
            wire = await self.data_channel(connector.identity)
            connector.wires.append(wire)
            key = bytes(32) if behaviour.bad_proof else order.key
            await wire.write(data.encode_hello(order.nonce, key))
            answer = await wire.read_exactly(data.ANSWER_BYTES)
            if answer[4:] != b"\x00\x00":
                return
            await connector.channel.write(control.encode(Opened(order.nonce, 3, 4)))
            if behaviour.carry is None:
                await _echo(wire)
            else:
                behaviour.carry(wire)

    async def data_channel(self, identity: Path | None = None) -> Channel:
        """Dial as a connector does (`identity` is its certificate's file), no preamble yet."""
        plain = await connect("127.0.0.1", self.port, seconds=5)
        context = self.certificates.client_context(identity=identity, alpn=(data.ALPN,))
        channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
        self.channels.append(channel)
        return channel


async def _echo(wire: Channel) -> None:
    while more := await wire.read():
        await wire.write(more)
    wire.finish()


@contextlib.asynccontextmanager
async def scene(
    certificates: Certificates, state: Path, *, times: Times = FAST, caps: Caps | None = None,
    brokers: int = 1,
    **changes: object,
) -> AsyncIterator[Scene]:  # fmt: skip
    """A POP that listens, with `brokers` fake STAs; everything is closed at the end."""
    token_key = _credential_files(certificates, state)
    async with contextlib.AsyncExitStack() as stack:
        stas = [await stack.enter_async_context(_sta(certificates)) for _ in range(brokers)]
        config = PopConfig(
            state=state, listen=(("127.0.0.1", 0),), brokers=tuple(sta.url for sta in stas),
            admin=("127.0.0.1", 0), times=times, caps=caps or Caps(),
        )  # fmt: skip
        config = replace(config, **changes)  # type: ignore[arg-type]
        stopping = asyncio.Event()
        who = Credential("pop-a", stas[0].url if stas else "", "gw.test", "", 9e9, 9e9)
        async with asyncio.TaskGroup() as tasks:
            pop = Pop(config, who, tasks)
            running = tasks.create_task(pop.run(stopping))
            made = Scene(certificates, pop, (stas or [FakeSta()])[0], stas, tasks, token_key, stopping, state)
            try:
                yield made
            finally:
                for channel in made.channels:
                    channel.close()
                stopping.set()
                await running


def _credential_files(certificates: Certificates, state: Path) -> Ed25519PrivateKey:
    state.mkdir(parents=True, exist_ok=True)
    token_key = Ed25519PrivateKey.generate()
    names = ("gw.test", "127.0.0.1", "hdx://pop///pop-a")
    server = certificates.server(f"{state.name}-pop.pem", names=names)
    (state / "pop.pem").write_bytes(server.read_bytes())
    (state / "ca.pem").write_bytes(certificates.ca.read_bytes())
    pem = token_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (state / "token.pem").write_bytes(pem)
    return token_key


@contextlib.asynccontextmanager
async def _sta(certificates: Certificates) -> AsyncIterator[FakeSta]:
    sta = FakeSta()
    app = web.Application()
    app.router.add_post("/sta/redeem", sta.redeem)
    app.router.add_get("/pops/alternates", sta.name_alternates)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context: ssl.SSLContext = certificates.server_context(mutual=True)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    sta.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sta
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    """Wait for a condition that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def rsp(s: Scene, wanted: hello.ClientHello) -> tuple[Channel, hello.Accepted]:
    """Open as the launcher does; the POP's no is raised."""
    channel = await s.client(alpn=(hello.ALPN,))
    await channel.write(hello.encode_hello(wanted))
    answer = b""
    while (parsed := hello.parse_answer(answer)) is None:
        more = await channel.read()
        assert more
        answer += more
    channel.early = answer[parsed[1] :]
    return channel, parsed[0]


async def ended(channel: Channel) -> bool:
    """Whether the peer ends the connection, cleanly or not, without a byte."""
    try:
        return await channel.read() == b""
    except Lost:
        return True
