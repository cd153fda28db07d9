"""One application's socket joined to a resumable endpoint, whose wires come and go.

Both ends of a session run one: the launcher joins the client's program, the connector the VDA. Bytes read
from the application wait in the endpoint until the peer acknowledged them, bytes from the wire go out to the
application and are acknowledged when it took them. Windows bound both, so the wire is always read (PING must
be heard) and the application only while there is room. Who brings the next wire is the owner's business.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Final, Literal, Protocol

from gateway.channel import CHUNK_BYTES, EMPTY, FULL, Channel, tune
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Data, Event, Finished, Reset, WireRefused
from gateway.protocol.rspframe import DATA_BYTES, DATA_HEADER
from gateway.records import records

TURN_CHUNKS: Final = 4
"""Full chunks one readiness event may move before every other session gets its turn."""
TURN_TAKES: Final = 2
"""What the endpoint gives at a time (256 KiB at most) that one turn may write."""
SMALL_BYTES: Final = 1024
"""A read below this is interactive traffic: no second read, it would mostly find nothing."""
FLUSH_SECONDS: Final = 0.05
"""How long a small acknowledgement may wait for company; the protocol allows 0.1 s."""
PART_SECONDS: Final = 1.0
"""How long a finished wire stays open for the peer to read its last bytes."""
RETRY_SECONDS: Final = 0.05
SLOW_SECONDS: Final = 0.02
"""A wire that took longer to make room is slow: the kernel may then hide little in front of a PING."""
AHEAD_BYTES: Final = 262_144
"""How much of the application may wait to be written: more would be read into cold memory long before."""
READ_BYTES: Final = DATA_BYTES - DATA_HEADER.size
"""The largest read of the application: with its header it fills four TLS records."""


class Owner(Protocol):
    """Who brings wires and hears how it goes."""

    def heard(self) -> None:
        """The peer sent something on the current wire."""

    def told(self, event: Event) -> None:
        """A `Resumed`, `Ponged` or `Notice` came."""

    def lost(self, reason: str) -> None:
        """The current wire is gone; the session waits for `adopt`."""

    def ended(self, code: CloseCode | None, text: str) -> None:
        """The session is over: None when both directions ended in order. Called once, last."""


class Stream:
    """Owns the application's channel and the current wire; `app_fault` is told if the application breaks."""

    def __init__(
        self,
        endpoint: Endpoint,
        app: Channel,
        owner: Owner,
        buffer: memoryview,
        *,
        app_fault: CloseCode,
        is_initiator: bool,
    ) -> None:
        self.endpoint, self._app, self._owner, self._buffer = endpoint, app, owner, buffer
        self._app_fault, self._is_initiator = app_fault, is_initiator
        self._loop = asyncio.get_running_loop()
        self._wire: Channel | None = None
        self._pending: deque[memoryview] = deque()
        self._blocked_at = 0.0
        self._unwritten: deque[memoryview] = deque()
        self._is_reading = self._has_app_end = self._must_finish_app = self._is_over = False
        self._flush_timer: asyncio.TimerHandle | None = None
        self.moved = 0
        """Bytes that went through, both directions: to tell idle from busy."""
        self.ended_first: Literal["", "app", "peer"] = ""
        """Whose direction came to its end first."""

    @property
    def wire(self) -> Channel | None:
        """The current wire."""
        return self._wire

    def start(self) -> None:
        """Begin to read the application."""
        self._settle()

    def adopt(self, wire: Channel, data: bytes, epoch: int) -> None:
        """Take a wire that has already delivered `data`, at least the peer's greeting.

        `ProtocolError` when it proves nothing: the current wire then goes on, the new one is the caller's.
        """
        if self._is_over:
            raise ProtocolError(self.endpoint.closed or CloseCode.CONNECTOR_SESSION_UNKNOWN)
        events = self.endpoint.adopt(data, epoch)
        self._replace(wire)
        self._act(events)
        self._settle()

    def settle(self) -> None:
        """Write what the endpoint has to say, after the owner called one of its methods."""
        self._settle()

    def abort(self, code: CloseCode, text: str = "") -> None:
        """End the session both ways; the peer is told if a wire stands."""
        if not self._is_over:
            self.endpoint.abort(code, text)
            self._end(code, text)

    def drop_wire(self, reason: str, *, is_clean: bool = False) -> None:
        """Give the current wire up; `is_clean` says that the peer ended it in order.

        A session that is complete is over with a clean end only: after a loss the peer may not know yet.
        """
        if self._wire is None:
            return
        wire, self._wire = self._wire, None
        self._pending.clear()
        if is_clean:
            wire.finish()  # else whoever stands between would see a loss
        wire.close()
        self.endpoint.lost()
        if self._is_over:
            return
        if is_clean and self.endpoint.is_complete:
            self._end(None, "")
        else:
            self._owner.lost(reason)

    # --- the wire ---

    def _replace(self, wire: Channel) -> None:
        if self._wire is not None:
            self._retire(self._wire)
        tune(wire.sock)
        self._wire = wire
        self._pending.clear()
        wire.watch_read(self._wire_readable)
        self._loop.call_soon(self._wire_again, wire)

    def _retire(self, wire: Channel) -> None:
        """Close a wire that was replaced; the initiator does it first, so that it never sees a loss."""
        if self._is_initiator:
            wire.close()
        else:
            wire.unwatch_read()
            wire.unwatch_write()
            self._loop.call_later(PART_SECONDS, wire.close)

    def _wire_again(self, wire: Channel) -> None:
        """Read what TLS has decrypted and the event loop cannot see."""
        if self._wire is wire and wire.pending():
            self._wire_readable()

    def _wire_readable(self) -> None:
        wire, count = self._wire, CHUNK_BYTES
        for _ in range(TURN_CHUNKS):
            if wire is None or self._wire is not wire or count < CHUNK_BYTES:
                break
            try:
                count = self._fill(wire)
            except EMPTY:
                break
            except ssl.SSLWantWriteError:
                wire.unwatch_read()
                self._loop.call_later(RETRY_SECONDS, self._rewatch, wire)
                break
            except (OSError, ValueError) as error:
                self.drop_wire(str(error))
                return
            if count == 0:
                self.drop_wire("the peer closed the wire", is_clean=True)
                return
            self._receive(self._buffer[:count])
        if wire is not None and self._wire is wire and wire.pending():
            self._loop.call_soon(self._wire_again, wire)
        self._settle()

    def _fill(self, wire: Channel) -> int:
        """Read records until the buffer is full or the socket is empty; a fault waits for the next read."""
        count: int = wire.receive(self._buffer)
        while SMALL_BYTES <= count < CHUNK_BYTES:
            try:
                more = wire.receive(self._buffer[count:])
            except (OSError, ValueError):
                break
            if not more:
                break
            count += more
        return count

    def _rewatch(self, wire: Channel) -> None:
        if self._wire is wire:
            wire.watch_read(self._wire_readable)

    def _receive(self, data: memoryview) -> None:
        """Take what lies in the shared buffer; what is to be kept of it is copied."""
        self._owner.heard()
        self._act(self.endpoint.receive(data))

    def _act(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Data):
                self._to_app(event.payload)
            elif isinstance(event, Finished):
                self.ended_first = self.ended_first or "peer"
                self._must_finish_app = True
                self._finish_app()
            elif isinstance(event, Reset):
                self._end(event.code, event.text)
            elif isinstance(event, WireRefused):
                self.drop_wire(f"{event.code}: {event.text}")
            else:
                self._owner.told(event)

    def _write_wire(self) -> None:
        """Write until the kernel is full, nothing is left or a turn's worth went out."""
        wire = self._wire
        if wire is None:
            return
        try:
            for _ in range(TURN_TAKES):
                if not self._pending:
                    self._pending.extend(records(self.endpoint.take_parts()))
                if not self._pending:
                    return
                self._transmit(wire)
        except FULL:
            self._blocked_at = self._loop.time()
        except (OSError, ValueError) as error:
            self.drop_wire(str(error))
            return
        wire.watch_write(self._wire_writable)

    def _transmit(self, wire: Channel) -> None:
        """Write all that is pending, or raise; what was not written stays as it is, as TLS wants it."""
        pending = self._pending
        while pending:
            sent = wire.transmit(pending[0])
            if sent < len(pending[0]):
                pending[0] = pending[0][sent:]
            else:
                pending.popleft()

    def _wire_writable(self) -> None:
        if self._wire is not None:
            if self._pending and self._loop.time() - self._blocked_at > SLOW_SECONDS:
                self._wire.limit_backlog()
            self._wire.unwatch_write()
            self._settle()

    # --- the application ---

    def _room(self) -> int:
        """How much of the application to read now."""
        is_shut = self._has_app_end or self._is_over or self.endpoint.unsent >= AHEAD_BYTES
        return 0 if is_shut else min(self.endpoint.room, READ_BYTES)

    def _app_readable(self) -> None:
        for _ in range(TURN_CHUNKS):
            room = self._room()
            if not room:
                break
            try:
                data = self._app.sock.recv(room)
            except EMPTY:
                break
            except OSError as error:
                self.abort(self._app_fault, str(error))
                return
            if not data:
                self._has_app_end = True
                self.ended_first = self.ended_first or "app"
                self.endpoint.finish()
                break
            self.moved += len(data)
            self.endpoint.send(data)
            if len(data) < room:
                break
        self._settle()

    def _to_app(self, data: memoryview) -> None:
        self.moved += len(data)
        if not self._unwritten:
            data = data[self._offer(data) :]
        if data and not self._is_over:
            self._unwritten.append(memoryview(bytes(data)))

    def _offer(self, data: memoryview) -> int:
        """Hand bytes to the application; return how many it took (all of them when it is gone)."""
        sent = 0
        try:
            while sent < len(data) and not self._is_over:
                sent += self._app.transmit(data[sent:])
        except FULL:
            self._app.watch_write(self._app_writable)
        except OSError as error:
            self.abort(self._app_fault, str(error))
        if not self._is_over:
            self.endpoint.consumed(sent)
        return sent

    def _app_writable(self) -> None:
        self._app.unwatch_write()
        while self._unwritten and not self._is_over:
            data = self._unwritten[0]
            sent = self._offer(data)
            if sent < len(data):
                self._unwritten[0] = data[sent:]
                break
            self._unwritten.popleft()
        self._finish_app()
        self._settle()

    def _finish_app(self) -> None:
        if self._must_finish_app and not self._unwritten and not self._is_over:
            self._app.finish()

    # --- both ---

    def _settle(self) -> None:
        """After anything happened: write, read on, flush soon, or end."""
        if self._is_over:
            return
        self._write_wire()
        self._watch_app()
        if self.endpoint.wants_flush and self._flush_timer is None:
            self._flush_timer = self._loop.call_later(FLUSH_SECONDS, self._flush)
        if self._is_initiator and self.endpoint.is_complete and not self._pending:
            self._end(None, "")

    def _watch_app(self) -> None:
        should_read = self._room() > 0
        if should_read and not self._is_reading:
            self._app.watch_read(self._app_readable)
        elif self._is_reading and not should_read and not self._app.is_closed:
            self._app.unwatch_read()
        self._is_reading = should_read

    def _flush(self) -> None:
        self._flush_timer = None
        self.endpoint.flush()
        self._settle()

    def _end(self, code: CloseCode | None, text: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._write_wire()
        wire, self._wire = self._wire, None
        self._unwritten.clear()
        if code is None:
            self._app.close()
        else:
            self._app.abort()
        self.endpoint.release()
        if wire is None:
            self._owner.ended(code, text)
        else:
            self._part(wire, code, text)

    def _part(self, wire: Channel, code: CloseCode | None, text: str) -> None:
        """Finish the wire and close it once the peer did, or after a second; then the session has ended."""

        def close() -> None:
            if not wire.is_closed:
                timer.cancel()
                wire.close()
                self._owner.ended(code, text)

        def discard() -> None:
            try:
                while wire.receive(self._buffer):
                    pass
            except EMPTY:
                return
            except (OSError, ValueError):
                pass
            close()

        timer = self._loop.call_later(PART_SECONDS, close)
        wire.unwatch_write()
        wire.finish()
        wire.watch_read(discard)
