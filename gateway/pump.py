"""Moves bytes between two channels, both ways, until both have ended.

Each direction is a `Flow`. It reads only while the other side takes bytes: what a blocked side did not
take (one chunk of 64 KiB at most) is held, and reading stops until it went out, so a slow reader stops
the fast writer through the kernel's own windows. The end of one direction is passed on alone
(half-close). Knows nothing of tickets, sessions or frames; POP and connector share it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from gateway.channel import CHUNK_BYTES, EMPTY, FULL, Channel

TURN_CHUNKS: Final = 4
"""Full chunks one readiness event may move (256 KiB) before every other session gets its turn."""
SMALL_BYTES: Final = 1024
"""A read below this is interactive traffic: no second read, it would mostly find nothing."""
RETRY_SECONDS: Final = 0.05
"""Pause when TLS must write before it can read (a key update behind a full socket)."""
SLOW_SECONDS: Final = 0.02
"""A sink that took longer to make room is slow: the kernel may then hide little of what it has not read."""
IDLE_LOOKS: Final = 4
"""Looks per idle time-out: traffic is counted, not clocked, so the cut comes up to a quarter late."""

Side = Literal["left", "right"]
Manner = Literal["finished", "lost", "idle", "stopped"]


def scratch() -> memoryview:
    """Return the read buffer that all pumps of one event loop share; nothing stays in it."""
    return memoryview(bytearray(CHUNK_BYTES))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pump ended, and the bytes of each direction.

    `finished`: both ends closed cleanly, `side` first. `lost`: `side` broke. `idle`, `stopped`: we cut;
    `side` is then the one that was not taking bytes, if one was.
    """

    manner: Manner
    side: Side | None
    detail: str
    from_left: int
    from_right: int


class Pump:
    """Joins `left` and `right`; owns both from `start` on and closes them before it calls `on_end`."""

    __slots__ = ("_cause", "_counted", "_idle_looks", "_on_end", "_timer", "flows", "idle_seconds", "loop")

    def __init__(
        self,
        left: Channel,
        right: Channel,
        buffer: memoryview,
        on_end: Callable[[Ended], None],
        *,
        idle_seconds: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.loop, self.idle_seconds, self._on_end = loop, idle_seconds, on_end
        self.flows = (Flow(self, "left", left, right, buffer), Flow(self, "right", right, left, buffer))
        self._cause: tuple[Manner, Side | None, str] | None = None
        self._counted = self._idle_looks = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def moved(self) -> tuple[int, int]:
        """Bytes read so far, from the left and from the right."""
        return self.flows[0].moved, self.flows[1].moved

    @property
    def held(self) -> int:
        """Bytes in our memory that a blocked side has not taken, both directions."""
        return self.flows[0].held + self.flows[1].held

    def start(self, on_first: Callable[[], None] | None = None) -> None:
        """Begin to move bytes; returns at once, but `on_end` may have been called by then.

        `on_first` is called once, when the first bytes from the right are there.
        """
        self._timer = self.loop.call_later(self.idle_seconds / IDLE_LOOKS, self._look)
        self.flows[0].begin(None)
        self.flows[1].begin(on_first)

    def stop(self, detail: str) -> None:
        """Cut both sides now; held bytes are dropped."""
        self._cut("stopped", detail)

    def _look(self) -> None:
        moved = sum(self.moved)
        self._idle_looks = 0 if moved != self._counted else self._idle_looks + 1
        self._counted = moved
        if self._idle_looks >= IDLE_LOOKS:
            self._cut("idle", f"nothing moved for {self.idle_seconds:g} s")
        else:
            self._timer = self.loop.call_later(self.idle_seconds / IDLE_LOOKS, self._look)

    def _cut(self, manner: Manner, detail: str) -> None:
        if self._timer is not None:
            blocked = next((flow.other for flow in self.flows if flow.held), None)
            self._close((manner, blocked, detail))

    def ended(self, side: Side, fault: Exception | None) -> None:
        """Note that `side` ended, cleanly or by `fault`; called by the flows."""
        if self._cause is None or (fault is not None and self._cause[0] == "finished"):
            self._cause = ("finished" if fault is None else "lost", side, str(fault or ""))

    def flow_to(self, side: Side) -> Flow:
        """Return the direction whose sink is `side`."""
        return self.flows[1] if side == "left" else self.flows[0]

    def settle(self) -> None:
        """Close when both directions are over; called by the flows."""
        if self._cause is not None and self.flows[0].is_over and self.flows[1].is_over:
            self._close(self._cause)

    def _close(self, cause: tuple[Manner, Side | None, str]) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        for flow in self.flows:
            flow.close()
        self._on_end(Ended(*cause, *self.moved))


class Flow:
    """One direction: from the channel at `side` to the other."""

    __slots__ = (
        "_blocked_at", "_buffer", "_has_fault", "_held", "_is_blocked", "_is_dry", "_pump", "_sink",
        "_source", "is_over", "moved", "side",
    )  # fmt: skip

    def __init__(self, pump: Pump, side: Side, source: Channel, sink: Channel, buffer: memoryview) -> None:
        self.side: Side = side
        self._pump, self._source, self._sink, self._buffer = pump, source, sink, buffer
        self._held: memoryview | None = None
        self._blocked_at = 0.0
        self._is_blocked = self._is_dry = self._has_fault = False
        """Dry: the source ended; what is held still goes out, then the flow is over."""
        self.is_over = False
        self.moved = 0

    @property
    def other(self) -> Side:
        """The side that the bytes go to."""
        return "right" if self.side == "left" else "left"

    @property
    def held(self) -> int:
        """Bytes read that the sink has not taken."""
        return 0 if self._held is None else len(self._held)

    def begin(self, on_first: Callable[[], None] | None) -> None:
        """Read from now on; bytes that came behind a preamble go first.

        `on_first` costs no later read anything: it is told by a first reader, which steps aside.
        """
        if self.is_over:
            return
        read = self.readable
        if on_first is not None and (self._source.early or self._source.pending()):
            on_first()
        elif on_first is not None:
            read = partial(self._read_first, on_first)
        self._source.watch_read(read)
        self._again()

    def _read_first(self, on_first: Callable[[], None]) -> None:
        """Move what is there; a readiness without bytes (TLS session tickets) is not the first."""
        self.readable()
        if self.moved:
            on_first()
            if not self._is_blocked and not self._is_dry:
                self._source.watch_read(self.readable)

    def readable(self) -> None:
        """Move what is there, one turn at most."""
        buffer = self._buffer
        receive = self._source.receive if not self._source.early else self._receive_early
        for _ in range(TURN_CHUNKS):
            try:
                count = receive(buffer)
            except EMPTY:
                return
            except (OSError, ValueError) as error:
                self._stumble(error)
                return
            if count == 0:
                self._run_dry(None)
                return
            if SMALL_BYTES <= count < CHUNK_BYTES and self._source.is_secure:
                count = self._fill_up(count)
            self.moved += count
            if not self._send(buffer[:count]) or count < CHUNK_BYTES:
                return
        self._again()

    def _fill_up(self, count: int) -> int:
        """Read on (TLS gives one record at a time) until the buffer is full or the source is empty."""
        buffer, receive = self._buffer, self._source.receive
        while count < CHUNK_BYTES:
            try:
                more = receive(buffer[count:])
            except EMPTY:
                break
            except (OSError, ValueError) as error:
                self._pump.loop.call_soon(self._stumble, error)
                break
            if more == 0:
                self._pump.loop.call_soon(self._run_dry, None)
                break
            count += more
        return count

    def _receive_early(self, view: memoryview) -> int:
        count = min(len(view), len(self._source.early))
        view[:count] = self._source.early[:count]
        self._source.early = self._source.early[count:]
        self._pump.loop.call_soon(self._again)
        return count

    def _again(self) -> None:
        """Read what the event loop cannot see: early bytes and the rest of a decrypted record."""
        if self._held is None and not self._is_dry and (self._source.early or self._source.pending()):
            self._pump.loop.call_soon(self._read_again)

    def _read_again(self) -> None:
        if self._held is None and not self._is_dry:
            self.readable()

    def _send(self, data: memoryview) -> bool:
        """Offer `data` to the sink; hold what it does not take and stop reading. True when all went.

        What is held already (read-only) is held on in place, what lies in the shared buffer is copied.
        """
        sent, transmit = 0, self._sink.transmit
        try:
            sent = transmit(data)
            while sent < len(data):
                sent += transmit(data[sent:])
        except FULL:
            rest = data[sent:]
            self._held = rest if data.readonly else memoryview(bytes(rest))
            self._block()
            return False
        except (OSError, ValueError) as error:
            self.drop()
            self._pump.ended(self.other, error)
            self._pump.settle()
            return False
        return True

    def _block(self) -> None:
        self._blocked_at = self._pump.loop.time()
        if not self._is_blocked:
            self._is_blocked = True
            self._source.unwatch_read()
            self._sink.watch_write(self._writable)

    def _writable(self) -> None:
        """Go on where the sink was full.

        Only when it takes more than there is to read is the source watched again: between a fast writer and
        a slow reader nothing is registered anew.
        """
        if self._pump.loop.time() - self._blocked_at > SLOW_SECONDS:
            self._sink.limit_backlog()
        held, self._held = self._held, None
        if held is not None and not self._send(held):
            return
        if self._is_dry:
            self._pass_on()
            return
        self.readable()
        if self._held is None and not self._is_dry:
            self._is_blocked = False
            self._sink.unwatch_write()
            self._source.watch_read(self.readable)

    def _stumble(self, error: Exception) -> None:
        if isinstance(error, ssl.SSLZeroReturnError):
            self._run_dry(None)
        elif not isinstance(error, ssl.SSLWantWriteError):
            self._run_dry(error)
        elif not self._is_dry:
            self._source.unwatch_read()
            self._pump.loop.call_later(RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        if self._held is None and not self._is_dry:
            self._source.watch_read(self.readable)

    def _run_dry(self, fault: Exception | None) -> None:
        """The source ended. By a fault: nobody is left to read the other direction."""
        if self._is_dry:
            return
        self._is_dry = True
        self._source.unwatch_read()
        self._pump.ended(self.side, fault)
        if fault is not None:
            self._has_fault = True
            self._pump.flow_to(self.side).drop()
        if self._held is None:
            self._pass_on()

    def _pass_on(self) -> None:
        """Everything went out: end the sink's direction too, after a fault by closing alone."""
        if self._has_fault or self._sink.finish():
            self.is_over = True
            self._sink.unwatch_write()
            self._pump.settle()
        else:
            self._block()

    def drop(self) -> None:
        """Give this direction up: its sink is gone."""
        if not self.is_over:
            self._is_dry = self.is_over = True
            self._held = None
            self._source.unwatch_read()
            self._sink.unwatch_write()

    def close(self) -> None:
        """Close the source and free what is held; the pump ends."""
        self._is_dry = self.is_over = True
        self._held = None
        self._source.close()


async def splice(left: Channel, right: Channel, buffer: memoryview, *, idle_seconds: float) -> Ended:
    """Pump until the end and return how it came; cancelling cuts both sides."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ended] = loop.create_future()
    pump = Pump(left, right, buffer, ended.set_result, idle_seconds=idle_seconds, loop=loop)
    pump.start()
    try:
        return await asyncio.shield(ended)
    finally:
        pump.stop("cancelled")
