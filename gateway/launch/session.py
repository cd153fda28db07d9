"""One launched session: opens it with the ticket, then keeps it alive over whatever POPs there are.

A lost wire is replaced at once while bytes flow, after a random pause when none do; a silent one is raced by
a second path and used on if it answers first; a draining one is left only when the next one stands. The
addresses are known beforehand: nothing here waits for DNS.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from typing import Final

from gateway.channel import Channel
from gateway.errors import GatewayError, Lost
from gateway.launch.liveness import Liveness, Patience, Verdict
from gateway.launch.paths import Path, Paths
from gateway.launch.race import first_of
from gateway.launch.wire import Wire, open_wire
from gateway.protocol import token
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import ClientHello
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Event, Ponged, Resumed
from gateway.protocol.rspframe import Notice
from gateway.pump import scratch
from gateway.stream import Stream

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.05
GREETING_SECONDS: Final = 5.0
RESUME_SECONDS: Final = 180.0
SHOW_SECONDS: Final = 1.5
"""A pause shorter than this is not worth a word to the user."""
IDLE_JITTER_SECONDS: Final = 2.0
BUSY_SECONDS: Final = 2.0
"""A session in which a byte moved so lately has somebody waiting at its end, whoever sent it."""
FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 1.0
MOVE_RETRY_SECONDS: Final = 2.0
SILENT: Final = "silent"
FINAL: Final = frozenset(
    {
        CloseCode.CONNECTOR_SESSION_UNKNOWN,
        CloseCode.CLIENT_TOKEN_REFUSED,
        CloseCode.CLIENT_TOKEN_EXPIRED,
        CloseCode.CLIENT_SESSION_EXPIRED,
        CloseCode.CLIENT_IDLE,
        CloseCode.CLIENT_GONE,
        CloseCode.CLIENT_CLOSED,
        CloseCode.VDA_CLOSED,
        CloseCode.VDA_RESET,
        CloseCode.BROKER_ENDED,
        CloseCode.BROKER_REVOKED,
        CloseCode.BROKER_REFUSED,
    }
)
"""Answers to a resume after which trying again is pointless."""


class Session:
    """Joins `app` to the session that the first wire opened; the stream's owner."""

    def __init__(
        self,
        first: Wire,
        paths: Paths,
        app: Channel,
        context: ssl.SSLContext,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self.result: asyncio.Future[tuple[CloseCode | None, str]] = asyncio.get_running_loop().create_future()
        self.resumes = 0
        self._paths, self._context, self._clock = paths, context, clock
        self._epoch = first.epoch
        self._path = first.path
        self._learn(first)
        self._token, self._connector = first.accepted.token, first.accepted.connector
        self._liveness = Liveness(patience, clock)
        self._wake = asyncio.Event()
        self._lost_at: float | None = None
        self._not_before = self._idle_until = 0.0
        self._moved, self._moved_at = 0, clock()
        self._failures = 0
        self._is_told = False
        self._cause = ""
        self._move_at: float | None = None
        self._endpoint = Endpoint(first.accepted.session, is_initiator=True, budget=Budget())
        self._stream = Stream(
            self._endpoint, app, self, scratch(), app_fault=CloseCode.CLIENT_LOST, is_initiator=True
        )

    async def run(self, first: Wire) -> tuple[CloseCode | None, str]:
        """Serve until the session is over; return why (None: both directions ended in order)."""
        try:
            await self._greet(first)
        except (GatewayError, ProtocolError, TimeoutError) as error:
            self._lost_at = self._clock()
            log.info("wire.refused", extra={"reason": str(error)})
        self._stream.start()
        while not self.result.done():
            try:
                await self._attend()
            except (GatewayError, ProtocolError, TimeoutError) as error:
                self._failed(error)
            await self._tick()
        return self.result.result()

    # --- what the stream tells ---

    def heard(self) -> None:
        """The connector lives."""
        self._liveness.heard()

    def told(self, event: Event) -> None:
        """Measure a PONG, plan a move, note a resume."""
        if isinstance(event, Ponged):
            self._liveness.heard(is_pong=True)
        elif isinstance(event, Notice) and event.kind == "drain":
            self._move_at = self._clock() + event.delay_ms / 1000
        elif isinstance(event, Notice) and event.kind == "token" and len(event.text) <= token.MOST_BYTES:
            self._token = event.text
            log.info("token.renewed")
        elif isinstance(event, Resumed) and event.epoch > 1:
            self.resumes += 1
            log.info("session.resumed", extra={"epoch": event.epoch, "replayed": event.replayed})

    def lost(self, reason: str) -> None:
        """Bring another wire."""
        log.info("wire.lost", extra={"reason": reason, "pop": self._path.address})
        self._cause = reason if reason == SILENT else "lost"
        self._paths.failed(self._path)
        self._lost_at = self._clock()
        if not self._is_busy():
            self._idle_until = self._lost_at + random.uniform(0, IDLE_JITTER_SECONDS)
        self._wake.set()

    def ended(self, code: CloseCode | None, text: str) -> None:
        """Let `run` return."""
        if not self.result.done():
            self.result.set_result((code, text))
        self._wake.set()

    # --- keeping it alive ---

    def _is_busy(self) -> bool:
        """Whether bytes flow: some are outstanding, or moved lately."""
        if self._stream.moved != self._moved:
            self._moved, self._moved_at = self._stream.moved, self._clock()
        return self._endpoint.outstanding > 0 or self._clock() - self._moved_at < BUSY_SECONDS

    async def _attend(self) -> None:
        """Do the one thing that the wire's state asks for."""
        has_outstanding, is_busy = self._endpoint.outstanding > 0, self._is_busy()
        may_dial = self._clock() >= (self._not_before if is_busy else max(self._not_before, self._idle_until))
        if self._stream.wire is None:
            if may_dial:
                await self._resume()
            return
        verdict = self._liveness.verdict(has_outstanding)
        if verdict is Verdict.ASK:
            self._liveness.asked()
            self._endpoint.ping(self._epoch)
            self._stream.settle()
        elif verdict is Verdict.DEAD:
            self._stream.drop_wire(SILENT)
        elif verdict is Verdict.RACE and may_dial:
            self._cause, silent = SILENT, self._path
            await self._bring(self._is_silent)
            if self._path != silent:
                self._paths.failed(silent)
        elif self._move_at is not None and self._clock() >= self._move_at:
            await self._move()

    async def _resume(self) -> None:
        lost_at = self._lost_at if self._lost_at is not None else self._clock()
        gone = self._clock() - lost_at
        if gone > RESUME_SECONDS:
            self._stream.abort(CloseCode.POP_LOST, f"no POP reachable for {RESUME_SECONDS:g} s")
            return
        if gone > SHOW_SECONDS and not self._is_told:
            self._is_told = True
            log.warning("session.reconnecting", extra={"gives_up_in_seconds": round(RESUME_SECONDS - gone)})
        await self._bring(lambda: True)

    async def _move(self) -> None:
        """Leave a draining POP, make-before-break; try again later if no other takes us."""
        self._paths.leave(self._path)
        self._cause = "drain"
        self._move_at = self._clock() + MOVE_RETRY_SECONDS
        before = self._path
        await self._bring(lambda: True)
        if self._path != before:
            self._move_at = None

    def _is_silent(self) -> bool:
        has_outstanding = self._endpoint.outstanding > 0
        return self._stream.wire is None or self._liveness.verdict(has_outstanding) in (
            Verdict.RACE,
            Verdict.DEAD,
        )

    async def _bring(self, is_wanted: Callable[[], bool]) -> None:
        """Bring a wire over the first path that answers, if it is still wanted then."""
        current = self._path if self._stream.wire is not None else None
        wire = await first_of(self._open, self._paths.in_order(without=current))
        if self.result.done() or not is_wanted():
            wire.channel.close()
            return
        await self._greet(wire)

    async def _open(self, path: Path, is_alone: bool) -> Wire:
        """Ask a POP for the session.

        Our RESUME goes along when this wire will be used if it comes: none stands, none is tried beside it. A
        later rival's RESUME, of a higher epoch, then still wins over it.
        """
        self._epoch += 1
        hello = ClientHello(self._epoch, token=self._token, connector=self._connector, cause=self._cause)
        is_sure = is_alone and self._stream.wire is None
        offer = self._endpoint.offer(self._epoch) if is_sure else b""
        try:
            return await open_wire(path, hello, self._context, offer)
        except (GatewayError, ProtocolError):
            self._paths.failed(path)
            raise

    async def _greet(self, wire: Wire) -> None:
        """Exchange RESUMEs on the new wire, then let it take over."""
        data = wire.rest
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                if not wire.is_offered:
                    await wire.channel.write(self._endpoint.offer(wire.epoch))
                while not self._endpoint.has_greeting(data):
                    more = await wire.channel.read()
                    if not more:
                        raise Lost("the connector closed before its RESUME")
                    data += more
            self._stream.adopt(wire.channel, data, wire.epoch)
        except BaseException:
            wire.channel.close()
            raise
        self._path = wire.path
        if self._stream.wire is not None:
            self._lost_at, self._is_told, self._failures = None, False, 0
            self._liveness = self._liveness.successor()
        self._learn(wire)

    def _learn(self, wire: Wire) -> None:
        name = wire.path.name
        alternates = wire.accepted.alternates
        self._paths.learn(Path(one.name or name, one.address, one.port) for one in alternates)
        self._paths.used(wire.path)

    def _failed(self, error: Exception) -> None:
        """No path brought a wire: end, or try again after a random pause that doubles up to a second."""
        log.info("path.failed", extra={"reason": str(error)})
        if isinstance(error, ProtocolError) and error.code in FINAL:
            self._stream.abort(error.code, error.text)
        self._failures += 1
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 8))
        self._not_before = self._clock() + random.uniform(0, pause)

    async def _tick(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
