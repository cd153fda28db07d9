"""The resumable sessions of a connector: each holds its VDA while wires come and go.

A wire is adopted only after its RESUME proved the session's secret; until then the current wire goes on. A
session without a wire is kept for three minutes (the product's session reliability), then its VDA is let go.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Open
from gateway.protocol.errors import ProtocolError
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Event, Resumed
from gateway.protocol.rspframe import Notice
from gateway.pump import scratch
from gateway.stream import Stream

log = logging.getLogger(__name__)

PARK_SECONDS: Final = 180.0
GREETING_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 1.0
DRAIN_SHARE: Final = 0.5
LONGEST_SPREAD_SECONDS: Final = 60.0
"""A draining POP's sessions move at random moments of half its time, a minute at most: not all at once."""
UNPROVED_SECONDS: Final = 30.0
"""A session whose client never came with a RESUME is kept this long: it lost to a rival, or its POP died."""


REMEMBERED: Final = 2_000
"""Sessions that ended of which a client that comes back is still told why, the latest ones."""

OnEnd = Callable[[str, CloseCode, bool], None]
"""Told of every session that ends: its id, why, and whether it was cut: a POP cannot tell then by whom."""


class Held:
    """One session: the stream's owner."""

    def __init__(self, request: Open, vda: Channel, streams: Streams) -> None:
        self.request, self._streams = request, streams
        self.began_at = self.parked_at = self._busy_at = streams.clock()
        self.token = ""
        """The latest routing token, empty while the client's first one is still young."""
        self.pop = ""
        """The POP of the current or last wire; empty until the client has proved itself once."""
        self._moved = 0
        endpoint = Endpoint(request.session, is_initiator=False, budget=streams.budget)
        self.stream = Stream(
            endpoint,
            vda,
            self,
            streams.buffer,
            app_fault=CloseCode.VDA_RESET,
            is_initiator=False,
        )

    @property
    def idle_seconds(self) -> float:
        """How long no byte of the session has moved, seen at each look."""
        if self.stream.moved != self._moved:
            self._moved, self._busy_at = self.stream.moved, self._streams.clock()
        return self._streams.clock() - self._busy_at

    def heard(self) -> None:
        """The client lives: nothing to note, it is the client that watches the wire."""

    def tell_token(self) -> None:
        """Send the latest routing token over the current wire, if there are both."""
        if self.token and self.stream.wire is not None:
            self.stream.endpoint.notify(Notice("token", self.token))
            self.stream.settle()

    def told(self, event: Event) -> None:
        """Log a resume."""
        if isinstance(event, Resumed):
            log.info(
                "session.resumed",
                extra={
                    "session": self.request.session,
                    "epoch": event.epoch,
                    "replayed": event.replayed,
                },
            )

    def lost(self, reason: str) -> None:
        """Wait for the next wire."""
        self.parked_at = self._streams.clock()
        log.info("session.parked", extra={"session": self.request.session, "reason": reason})

    def ended(self, code: CloseCode | None, text: str) -> None:
        """Forget the session."""
        in_order = CloseCode.VDA_CLOSED if self.stream.ended_first == "app" else CloseCode.CLIENT_CLOSED
        self._streams.forget(self.request.session, code or in_order, is_cut=code is not None)
        log.info(
            "session.ended",
            extra={"session": self.request.session, "code": str(code or "finished"), "reason": text},
        )


class Streams:
    """All resumable sessions of one connector, by session id."""

    def __init__(
        self, budget: Budget, tasks: asyncio.TaskGroup, *, park_seconds: float = PARK_SECONDS
    ) -> None:
        self.budget, self._tasks, self._park_seconds = budget, tasks, park_seconds
        self.clock: Callable[[], float] = asyncio.get_running_loop().time
        self.buffer = scratch()
        self.on_change: Callable[[], None] = lambda: None
        self.on_end: OnEnd = lambda *_: None
        self._held: dict[str, Held] = {}
        self._gone: dict[str, CloseCode] = {}
        self._ticker = tasks.create_task(self._watch())

    def __len__(self) -> int:
        return len(self._held)

    def holds(self, session: str) -> bool:
        """Whether the session can be resumed here."""
        return session in self._held

    def why_gone(self, session: str) -> CloseCode:
        """Return why a session that is not held is not."""
        return self._gone.get(session, CloseCode.CONNECTOR_SESSION_UNKNOWN)

    def begin(self, request: Open, vda: Channel) -> None:
        """Hold a new session; `attach` brings its first wire."""
        held = self._held[request.session] = Held(request, vda, self)
        held.stream.start()

    def attach(self, request: Open, wire: Channel) -> None:
        """Greet the client on a wire and give it to its session if the client proves itself."""
        self._tasks.create_task(self._greet(request, wire))

    def end(self, session: str, code: CloseCode) -> None:
        """End a session for a reason from outside."""
        if held := self._held.get(session):
            held.stream.abort(code)

    def pop_drains(self, pop: str, seconds: int) -> None:
        """Ask the clients that come through this POP to move, within half of its time."""
        spread = min(seconds * DRAIN_SHARE, LONGEST_SPREAD_SECONDS)
        for held in self._held.values():
            if held.pop == pop and held.stream.wire is not None:
                delay = random.uniform(0, spread)
                held.stream.endpoint.notify(Notice("drain", pop, round(delay * 1000)))
                held.stream.settle()

    def forget(self, session: str, code: CloseCode, *, is_cut: bool) -> None:
        """Drop an ended session; called by the session itself."""
        self._held.pop(session, None)
        self._gone[session] = code
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]
        self.on_change()
        self.on_end(session, code, is_cut)

    def sessions(self) -> tuple[str, ...]:
        """Return the sessions held."""
        return tuple(self._held)

    def hand_over(self, session: str, token: str) -> None:
        """Give a session's client its next routing token, now and again with every later wire."""
        if held := self._held.get(session):
            held.token = token
            held.tell_token()

    def stop(self) -> None:
        """End everything: the connector leaves."""
        self._ticker.cancel()
        for held in list(self._held.values()):
            held.stream.abort(CloseCode.CONNECTOR_DRAINING)

    async def _greet(self, request: Open, wire: Channel) -> None:
        data = b""
        held = self._held.get(request.session)
        try:
            if held is None:
                raise Lost("the session ended meanwhile")
            async with asyncio.timeout(GREETING_SECONDS):
                while not held.stream.endpoint.has_greeting(data):
                    more = await wire.read()
                    if not more:
                        raise Lost("the client ended before its RESUME")
                    data += more
            held.stream.adopt(wire, data, request.epoch)
            held.pop = request.pop_name
            held.tell_token()
        except (Lost, ProtocolError, TimeoutError) as error:
            wire.close()
            log.info("wire.refused", extra={"session": request.session, "reason": str(error)})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self.clock()
            for held in list(self._held.values()):
                if (code := self._verdict(held, now)) is not None:
                    held.stream.abort(code)

    def _verdict(self, held: Held, now: float) -> CloseCode | None:
        limits = held.request
        patience = self._park_seconds if held.pop else min(UNPROVED_SECONDS, self._park_seconds)
        if held.stream.wire is None and now - held.parked_at >= patience:
            return CloseCode.CLIENT_GONE
        if limits.max_seconds and now - held.began_at >= limits.max_seconds:
            return CloseCode.CLIENT_SESSION_EXPIRED
        if limits.idle_seconds and held.idle_seconds >= limits.idle_seconds:
            return CloseCode.CLIENT_IDLE
        return None
