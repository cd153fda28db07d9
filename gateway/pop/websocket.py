"""A client's WebSocket as a channel: the pump moves bytes, frames come and go underneath.

One frame at most that the kernel did not take is kept; then `transmit` says so, as a socket does.
There is no half-close. When the VDA ends, the close frame goes out and what the client still sent arrives;
when the client closes, the VDA sees the end and what it still says is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from gateway.channel import FULL, Channel
from gateway.errors import Lost
from gateway.protocol.codes import CloseCode
from gateway.protocol.websocket import FRAME_BYTES, Frames, NoUpgrade, Origins, Upgrade

PARTING_SECONDS: Final = 1.0
"""For what is unsent and the close frame to go out, and again for the client's to come."""


async def upgrade(channel: Channel, head: bytes, origins: Origins) -> WebSocket:
    """Answer the request that `head` begins with; it stands there whole.

    Raises `NoUpgrade` when it was refused: the answer is sent, the channel still open.
    """
    try:
        asked = Upgrade(head, origins)
    except NoUpgrade as error:
        await channel.write(error.answer)
        raise
    answer, frames, early = asked.accept()
    await channel.write(answer)
    return WebSocket(channel, frames, asked.ticket, early)


class WebSocket(Channel):
    """Takes the channel over; `ticket` is what the client presented. `part` says why it ends."""

    __slots__ = ("_drained", "_frames", "_parting", "_raw", "_readable", "_unsent", "ticket")

    def __init__(self, channel: Channel, frames: Frames, ticket: str, early: bytes = b"") -> None:
        super().__init__(channel.sock, asyncio.get_running_loop())
        self._frames, self.ticket, self.early = frames, ticket, early
        self._unsent = memoryview(b"")
        self._readable: Callable[[], None] | None = None
        self._drained: Callable[[], None] | None = None
        self._parting: asyncio.Task[None] | None = None
        self._raw = self.receive, self.transmit
        self.receive, self.transmit = self._receive, self._transmit

    @property
    def unsent(self) -> int:
        """Bytes of a frame that the kernel did not take."""
        return len(self._unsent)

    def part(self, code: CloseCode) -> CloseCode:
        """Tell the client `code`, or `client_protocol` if that is to blame; return what was told."""
        told = CloseCode.CLIENT_PROTOCOL if self._frames.fault else code
        self._frames.close(told)
        with contextlib.suppress(OSError, ValueError):  # full or gone; `close` tries for a while
            self._flush()
        return told

    def _receive(self, view: memoryview) -> int:
        while not self._frames.is_ended:
            count = self._raw[0](view)
            if not count:
                raise ConnectionError("the client ended without a close frame")
            payload = self._frames.receive(bytes(view[:count]))
            self._is_flushed()
            if self._frames.fault:
                raise ConnectionError(self._frames.fault)
            if payload:
                view[: len(payload)] = payload
                if self._frames.is_ended and self._readable is not None:
                    self._loop.call_soon(self._readable)  # the kernel has nothing more that would call it
                return len(payload)
        return 0

    def _transmit(self, data: bytes | memoryview) -> int:
        self._flush()
        if not self._frames.is_closing:
            piece = data[:FRAME_BYTES]
            self._unsent = memoryview(self._frames.data(piece))
            self._is_flushed()
            return len(piece)
        return len(data)

    def _flush(self) -> None:
        """Send what is unsent and what the frames have to say; raises `FULL`, and goes on by itself."""
        try:
            while self._unsent or self._next_control():
                self._unsent = self._unsent[self._raw[1](self._unsent) :]
        except FULL:
            super().watch_write(self._drain)
            raise

    def _is_flushed(self) -> bool:
        try:
            self._flush()
        except FULL:
            return False
        return True

    def _next_control(self) -> bool:
        self._unsent = memoryview(self._frames.take())
        return len(self._unsent) > 0

    def _drain(self) -> None:
        """Go on when the kernel has room; then it is the pump's turn."""
        with contextlib.suppress(OSError, ValueError):  # the pump's next call meets it again
            if not self._is_flushed():
                return
        if self._drained is not None:
            self._drained()
        else:
            super().unwatch_write()

    def watch_read(self, ready: Callable[[], None]) -> None:
        """As a channel's."""
        self._readable = ready
        super().watch_read(ready)

    def unwatch_read(self) -> None:
        """As a channel's."""
        self._readable = None
        super().unwatch_read()

    def watch_write(self, ready: Callable[[], None]) -> None:
        """As a channel's; `ready` is called when nothing is unsent."""
        self._drained = ready
        super().watch_write(self._drain)

    def unwatch_write(self) -> None:
        """As a channel's; what is unsent still goes out."""
        self._drained = None
        if not self._unsent:
            super().unwatch_write()

    def pending(self) -> int:
        """As a channel's; the client's end, which no byte announces, counts as one."""
        return super().pending() + self._frames.is_ended

    def finish(self) -> bool:
        """Send the close frame: the VDA has ended. False while the kernel has no room for it."""
        if self._parting is not None:
            return super().finish()
        self._frames.close(CloseCode.VDA_CLOSED)
        try:
            return self._is_flushed()
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """Leave the pump at once, the client after a goodbye."""
        if self._parting is not None:
            super().close()
        elif not self.is_closed:
            self._readiness.forget(self._fd)
            self.receive, self.transmit = self._raw
            self._parting = self._loop.create_task(self._say_goodbye())

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(PARTING_SECONDS):
                while not self._is_flushed():
                    await self.writable()
                while not (self._frames.is_ended or self._frames.fault) and (data := await self.read()):
                    self._frames.receive(data)  # RFC 6455 7.1.1: TCP ends when both close frames went
            await self.farewell(seconds=PARTING_SECONDS)
        except (OSError, ValueError, Lost):
            pass
        finally:
            super().close()
