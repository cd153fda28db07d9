"""A control channel that stands: frames in, frames out, silence noticed. Either end of one uses it.

Knows the framing and the heart-beat; what a frame means is its owner's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from gateway.channel import Channel
from gateway.errors import Lost, Refused
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Frame, FrameReader, encode
from gateway.protocol.errors import ProtocolError
from gateway.siblings import until_first

SILENT_INTERVALS: Final = 3
"""A peer that sent nothing for so many ping intervals is gone."""
MOST_WAITING: Final = 1024
"""Frames that may wait for a peer that does not read; with one more it is given up."""
MOST_PER_SECOND: Final = 2_000
"""Frames of one peer in a second; each costs some 15 µs. A connector at full load sends two per launch."""


class Standing:
    """Frames over one channel. `blame` is the code for the peer's violations."""

    def __init__(self, channel: Channel, blame: CloseCode) -> None:
        self.channel = channel
        self.frames, self._blame = FrameReader(blame), blame
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
        """Return the peer's first frame; `Lost` when it is late, `Refused` when it is none."""
        try:
            async with asyncio.timeout(seconds):
                first, *self._early = await self._receive()
        except TimeoutError as error:
            raise Lost(f"no first frame within {seconds:g} s") from error
        return first

    async def serve(
        self, take: Callable[[Frame], None], beat: Callable[[], Iterable[Frame]], every_seconds: float
    ) -> None:
        """Give every frame to `take` and send `beat()` at each interval; closed when this ends.

        It ends by `Lost`, or by `Refused` with the peer's code when it broke the protocol or floods.
        """
        self._heard_at = asyncio.get_running_loop().time()
        try:
            for frame in self._early:
                take(frame)
            await until_first(self._read(take), self._write(), self._beat(beat, every_seconds))
        finally:
            self.channel.close()

    async def _read(self, take: Callable[[Frame], None]) -> None:
        """A peer that always has more waiting must not keep everybody else from their turn."""
        loop = asyncio.get_running_loop()
        count, second_ends = 0, loop.time() + 1
        while True:
            frames = await self._receive()
            if loop.time() >= second_ends:
                count, second_ends = 0, loop.time() + 1
            count += len(frames)
            if count > MOST_PER_SECOND:
                raise Refused(self._blame, f"more than {MOST_PER_SECOND} frames in a second")
            for frame in frames:
                take(frame)
            await asyncio.sleep(0)

    async def _receive(self) -> list[Frame]:
        frames: list[Frame] = []
        while not frames:
            data = await self.channel.read()
            if not data:
                raise Lost("the peer closed the control channel")
            try:
                frames = self.frames.receive(data)
            except ProtocolError as error:
                raise Refused(error.code, f"the peer broke the protocol: {error.text}") from error
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
