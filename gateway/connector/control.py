"""One control channel to one POP address: Hello, then requests to open come in and answers go out.

It ends when the POP goes silent or breaks the protocol; a POP that drains says so, and when it serves again
it says that with its load. Who keeps it standing is `pops`, who opens
what it asks for is `join`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Cancel,
    Drain,
    End,
    Frame,
    FrameReader,
    Hello,
    Load,
    Open,
    Ping,
    Pong,
    Welcome,
    encode,
)
from gateway.protocol.errors import ProtocolError
from gateway.siblings import until_first

log = logging.getLogger(__name__)

WELCOME_SECONDS: Final = 5.0
RTT_WEIGHT: Final = 0.25
"""Of the newest round trip in the smoothed one."""
MOST_WAITING: Final = 1024
"""Frames that may wait for a POP that does not read."""
SILENT_INTERVALS: Final = 3
"""A POP that sent nothing for three of its own ping intervals is gone."""

Reply = Callable[[Frame], None]


class Opener(Protocol):
    """What a control channel asks of the connector."""

    @property
    def load(self) -> Load:
        """Return sessions carried, capacity, and whether this connector drains."""

    def open(self, request: Open, reply: Reply) -> None:
        """Begin to serve the request; `reply` takes one `Opened` or `Refused`."""

    def cancel(self, nonce: bytes) -> None:
        """Forget a request that is not wanted any more."""

    def end(self, session: str, code: CloseCode) -> None:
        """End a session now."""

    def pop_drains(self, pop: str, seconds: int) -> None:
        """Move what runs through this POP within `seconds`."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who this connector says it is; the POP holds it against the certificate."""

    connector: str
    location: str
    software: str = ""


class ControlChannel:
    """Serves one standing channel until it ends.

    `on_drain` is told in how many seconds the POP wants to be empty, and 0 when it serves again.
    """

    def __init__(self, channel: Channel, opener: Opener, on_drain: Callable[[int], None]) -> None:
        self.pop = ""
        self.is_draining = False
        self._channel, self._opener, self._on_drain = channel, opener, on_drain
        self._out: asyncio.Queue[Frame] = asyncio.Queue(MOST_WAITING)
        self._reader = FrameReader(CloseCode.POP_OTHER)
        self._heard_at = 0.0
        self._ping_seconds = 5.0
        self._is_leaving = False
        self._pinged_at: tuple[int, float] = (0, 0.0)
        self.rtt_ms = float("nan")
        """Smoothed round trip of our pings: to the POP itself, also when a proxy stands between."""

    async def greet(self, introduction: Introduction) -> None:
        """Say Hello and wait for the Welcome; `Lost` when none comes."""
        load = self._opener.load
        hello = Hello(
            "connector",
            introduction.connector,
            location=introduction.location,
            sessions=load.sessions,
            capacity=load.capacity,
            software=introduction.software,
        )
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                await self._channel.write(encode(hello))
                frames = await self._receive()
        except TimeoutError as error:
            raise Lost("the POP sent no Welcome") from error
        welcome = frames[0]
        if not isinstance(welcome, Welcome):
            raise Lost(f"the POP began with {type(welcome).__name__}")
        self.rtt_ms = (asyncio.get_running_loop().time() - begun) * 1000
        self.pop, self._ping_seconds = welcome.id, max(0.2, welcome.ping_seconds)
        for frame in frames[1:]:
            self._take(frame)

    async def serve(self) -> None:
        """Serve until the channel ends; `Lost` says why. The channel is closed afterwards."""
        self._heard_at = asyncio.get_running_loop().time()
        try:
            await until_first(self._read(), self._write(), self._beat())
        finally:
            self._channel.close()

    def send(self, frame: Frame) -> None:
        """Queue a frame; a POP that does not read loses its channel."""
        try:
            self._out.put_nowait(frame)
        except asyncio.QueueFull:
            self._channel.abort()

    def leave(self) -> None:
        """Have the POP give us nothing new on this channel."""
        self._is_leaving = True
        self.send(self._load())

    def close(self) -> None:
        """Close at once; `serve` ends."""
        self._channel.close()

    def _load(self) -> Load:
        load = self._opener.load
        return replace(load, draining=True) if self._is_leaving else load

    async def _read(self) -> None:
        while True:
            for frame in await self._receive():
                self._take(frame)
            await asyncio.sleep(0)  # a POP that always has more waiting does not stop the sessions

    async def _receive(self) -> list[Frame]:
        frames: list[Frame] = []
        while not frames:
            data = await self._channel.read()
            if not data:
                raise Lost("the POP closed the control channel")
            try:
                frames = self._reader.receive(data)
            except ProtocolError as error:
                raise Lost(f"the POP broke the protocol: {error.text}") from error
        self._heard_at = asyncio.get_running_loop().time()
        return frames

    async def _write(self) -> None:
        while True:
            await self._channel.write(encode(await self._out.get()))

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        token = 0
        while True:
            await asyncio.sleep(self._ping_seconds)
            if loop.time() - self._heard_at > SILENT_INTERVALS * self._ping_seconds:
                raise Lost("the POP is silent")
            token += 1
            self.send(self._load())
            self.send(Ping(token))
            self._pinged_at = (token, loop.time())

    def _take(self, frame: Frame) -> None:
        match frame:
            case Open():
                self._opener.open(frame, self.send)
            case Cancel():
                self._opener.cancel(frame.nonce)
            case End():
                self._opener.end(frame.session, frame.code)
            case Ping():
                self.send(Pong(frame.token))
            case Drain():
                self.is_draining = True
                log.info("pop.draining", extra={"pop": self.pop})
                self._opener.pop_drains(self.pop, frame.seconds)
                self._on_drain(max(1, frame.seconds))
            case Load():
                if self.is_draining and not frame.draining:
                    self.is_draining = False
                    log.info("pop.restored", extra={"pop": self.pop})
                    self._on_drain(0)
            case Pong():
                self._measure(frame.token)
            case _:
                raise Lost(f"the POP sent {type(frame).__name__}")

    def _measure(self, token: int) -> None:
        if token == self._pinged_at[0]:
            took_ms = (asyncio.get_running_loop().time() - self._pinged_at[1]) * 1000
            self.rtt_ms += RTT_WEIGHT * (took_ms - self.rtt_ms)
