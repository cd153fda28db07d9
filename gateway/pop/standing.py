"""A control channel that stands: frames in, frames out, silence noticed. Either end of one uses it.

Knows the framing and the heart-beat; what a frame means is its owner's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Frame, FrameReader, encode
from gateway.protocol.errors import ProtocolError

SILENT_INTERVALS: Final = 3
"""A peer that sent nothing for so many ping intervals is gone."""
MOST_WAITING: Final = 1024
"""Frames that may wait for a peer that does not read; with one more it is given up."""


class Standing:
    """Frames over one channel. `blame` is the code for the peer's violations."""

    def __init__(self, channel: Channel, blame: CloseCode) -> None:
        self.channel = channel
        self.frames = FrameReader(blame)
        self._out: asyncio.Queue[Frame] = asyncio.Queue(MOST_WAITING)
        self._early: list[Frame] = []
        self._heard_at = 0.0

    def send(self, frame: Frame) -> None:
        """Queue a frame; a peer that does not read loses its channel."""
        try:
            self._out.put_nowait(frame)
        except asyncio.QueueFull:
            self.channel.abort()

    async def first(self, seconds: float) -> Frame:
        """Return the peer's first frame; `Lost` when it is late or wrong."""
        try:
            async with asyncio.timeout(seconds):
                first, *self._early = await self._receive()
        except TimeoutError as error:
            raise Lost(f"no first frame within {seconds:g} s") from error
        return first

    async def serve(
        self, take: Callable[[Frame], None], beat: Callable[[], Iterable[Frame]], every_seconds: float
    ) -> None:
        """Give every frame to `take` and send `beat()` at each interval, until `Lost`; then it is closed."""
        self._heard_at = asyncio.get_running_loop().time()
        try:
            for frame in self._early:
                take(frame)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(take))
                tasks.create_task(self._write())
                tasks.create_task(self._beat(beat, every_seconds))
        except* (Lost, ProtocolError) as group:
            raise Lost(str(group.exceptions[0])) from group
        finally:
            self.channel.close()

    async def _read(self, take: Callable[[Frame], None]) -> None:
        while True:
            for frame in await self._receive():
                take(frame)

    async def _receive(self) -> list[Frame]:
        frames: list[Frame] = []
        while not frames:
            data = await self.channel.read()
            if not data:
                raise Lost("the peer closed the control channel")
            try:
                frames = self.frames.receive(data)
            except ProtocolError as error:
                raise Lost(f"the peer broke the protocol: {error.text}") from error
        self._heard_at = asyncio.get_running_loop().time()
        return frames

    async def _write(self) -> None:
        while True:
            await self.channel.write(encode(await self._out.get()))

    async def _beat(self, beat: Callable[[], Iterable[Frame]], every_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(every_seconds)
            if loop.time() - self._heard_at > SILENT_INTERVALS * every_seconds:
                raise Lost("the peer is silent")
            for frame in beat():
                self.send(frame)
