"""Serves one `Open`: reaches the VDA and the POP at once, proves the nonce, joins the two.

A plain session is spliced here and ends with either side. A resumable one is handed to `streams`, where it
outlives its wire; a later `Open` of the same session brings it the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.address import join_address
from gateway.channel import Channel
from gateway.connector.control import Reply
from gateway.connector.health import Health
from gateway.connector.streams import OnEnd, Streams
from gateway.connector.wires import Wire, Wires
from gateway.errors import GatewayError, Lost, Refused
from gateway.protocol import control
from gateway.protocol.codes import CloseCode, from_name
from gateway.protocol.control import Load, Open, Opened
from gateway.protocol.errors import ProtocolError
from gateway.pump import Ended, scratch, splice

log = logging.getLogger(__name__)

LONGEST_OPEN_SECONDS: Final = 30.0
NO_LIMIT_SECONDS: Final = 7 * 24 * 3600.0
AS_SEEN: Final = (CloseCode.VDA_CLOSED, CloseCode.CLIENT_CLOSED, CloseCode.CLIENT_LOST)
"""Ends of a plain session that the POP sees as well as we do."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Joined:
    """Both legs of a session stand; `vda` is None when a wire was brought to a stream that holds its VDA."""

    vda: Channel | None
    wire: Channel
    opened: Opened


class Joins:
    """All that a connector opens; an `Opener` for its control channels."""

    def __init__(
        self,
        wires: Wires,
        open_vda: Callable[[str], Awaitable[Channel]],
        streams: Streams,
        tasks: asyncio.TaskGroup,
        capacity: int,
        health: Health,
    ) -> None:
        self.is_draining, self._health = False, health
        self._wires, self._open_vda, self._streams, self._tasks = wires, open_vda, streams, tasks
        self._capacity = capacity
        self._pending: dict[bytes, asyncio.Task[None]] = {}
        self._plain: dict[str, asyncio.Task[None]] = {}
        self._why: dict[str, CloseCode] = {}
        """Why a plain session that is being ended by us ends."""
        self._buffer = scratch()
        self._changed = asyncio.Event()
        streams.on_change = self._changed.set
        self._on_end: OnEnd = lambda *_: None

    @property
    def load(self) -> Load:
        """Return sessions carried (those that are being opened too) and the capacity."""
        sessions = len(self._plain) + len(self._streams) + len(self._pending)
        health = self._health
        return Load(sessions, self._capacity, self.is_draining, health.cpu_percent, health.failed)

    def tell_ends(self, on_end: OnEnd) -> None:
        """Call `on_end` for every session that ends from now on."""
        self._on_end = self._streams.on_end = on_end

    def open(self, request: Open, reply: Reply) -> None:
        """Begin to serve the request; a repeated nonce is passed over."""
        if request.nonce in self._pending:
            return
        if len(self._pending) > self._capacity:
            reply(control.Refused(request.nonce, CloseCode.CONNECTOR_FULL))
        else:
            self._pending[request.nonce] = self._tasks.create_task(self._serve(request, reply))

    def cancel(self, nonce: bytes) -> None:
        """Give up a request that is not joined yet."""
        if task := self._pending.get(nonce):
            task.cancel()

    def end(self, session: str, code: CloseCode) -> None:
        """End a session because the broker or a POP says so."""
        self._streams.end(session, code)
        if task := self._plain.get(session):
            self._why[session] = code
            task.cancel()

    def sessions(self) -> tuple[str, ...]:
        """Return the resumable sessions held."""
        return self._streams.sessions()

    def hand_over(self, session: str, token: str) -> None:
        """Give a session's client its next routing token."""
        self._streams.hand_over(session, token)

    async def wait_empty(self) -> None:
        """Return when no session is left."""
        while self.load.sessions:
            self._changed.clear()
            await self._changed.wait()

    def stop(self) -> None:
        """Cut what is left."""
        for task in (*self._pending.values(), *self._plain.values()):
            task.cancel()
        self._streams.stop()

    def pop_drains(self, pop: str, seconds: int) -> None:
        """Ask the clients whose wires run through a draining POP to move."""
        self._streams.pop_drains(pop, seconds)

    async def _serve(self, request: Open, reply: Reply) -> None:
        try:
            async with asyncio.timeout(min(LONGEST_OPEN_SECONDS, request.deadline_ms / 1000)):
                self._admit(request)
                joined = await self._establish(request)
        except (GatewayError, ProtocolError, TimeoutError) as error:
            refusal = control.Refused(request.nonce, _code(error), str(error)[:200])
            self._health.note(refusal.code)
            log.info("open.refused", extra={"session": request.session, "code": str(refusal.code)})
            reply(refusal)
            return
        finally:
            del self._pending[request.nonce]
            self._changed.set()
        reply(joined.opened)
        log.info("open.joined", extra={"session": request.session, "epoch": request.epoch})
        await self._carry(request, joined)

    def _admit(self, request: Open) -> None:
        if request.resume:
            if request.mode != "rsp" or not self._streams.holds(request.session):
                raise ProtocolError(self._streams.why_gone(request.session))
            return
        if self.is_draining:
            raise ProtocolError(CloseCode.CONNECTOR_DRAINING)
        if self._streams.holds(request.session) or request.session in self._plain:
            raise ProtocolError(CloseCode.CONNECTOR_PROTOCOL, "the session stands already")
        if self.load.sessions > self._capacity:
            raise ProtocolError(CloseCode.CONNECTOR_FULL)

    async def _establish(self, request: Open) -> Joined:
        opened: list[Channel] = []
        target = join_address(request.host, request.port)
        try:
            async with asyncio.TaskGroup() as both:
                pop = both.create_task(_timed(self._reach(request, opened)))
                vda = None
                if not request.resume:
                    vda = both.create_task(_timed(self._reach_vda(target, opened)))
            reached, pop_ms = pop.result()
            desk, vda_ms = vda.result() if vda else (None, 0)
            wire = await self._wires.prove(reached, request)
        except BaseException as error:
            for channel in opened:
                channel.close()
            if isinstance(error, BaseExceptionGroup):
                raise _worst(error) from error
            raise
        return Joined(desk, wire, Opened(request.nonce, vda_ms, pop_ms))

    async def _reach(self, request: Open, opened: list[Channel]) -> Wire:
        """Reach the POP; `opened` notes the channel for the case that the other dial fails."""
        wire = await self._wires.reach(request)
        opened.append(wire.channel)
        return wire

    async def _reach_vda(self, target: str, opened: list[Channel]) -> Channel:
        channel = await self._open_vda(target)
        opened.append(channel)
        return channel

    async def _carry(self, request: Open, joined: Joined) -> None:
        if request.mode == "rsp":
            if joined.vda is not None:
                self._streams.begin(request, joined.vda)
            self._streams.attach(request, joined.wire)
            return
        task = asyncio.current_task()
        if joined.vda is None or task is None:
            raise ProtocolError(CloseCode.CONNECTOR_INTERNAL, "a plain session without a VDA")
        self._plain[request.session] = task
        code = CloseCode.CONNECTOR_DRAINING
        try:
            ended = await splice(
                joined.vda,
                joined.wire,
                self._buffer,
                idle_seconds=request.idle_seconds or NO_LIMIT_SECONDS,
            )
            code = _why_ended(ended)
            log.info("session.ended", extra={"session": request.session, "manner": ended.manner})
        finally:
            del self._plain[request.session]
            self._changed.set()
            code = self._why.pop(request.session, code)
            self._on_end(request.session, code, code not in AS_SEEN)


def _why_ended(ended: Ended) -> CloseCode:
    """Left is the VDA; behind the wire's end stands the client."""
    if ended.manner == "idle":
        return CloseCode.CLIENT_IDLE
    is_vda = ended.side == "left"
    if ended.manner == "finished":
        return CloseCode.VDA_CLOSED if is_vda else CloseCode.CLIENT_CLOSED
    return CloseCode.VDA_RESET if is_vda else CloseCode.CLIENT_LOST


async def _timed(opening: Awaitable[T]) -> tuple[T, int]:
    """Await a dial; return what it gave and its ms."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    opened = await opening
    return opened, round((loop.time() - started) * 1000)


def _worst(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of two failed dials the VDA's is told: the client can do something about it."""
    return min(group.exceptions, key=lambda error: not isinstance(error, Refused))


def _code(error: Exception) -> CloseCode:
    if isinstance(error, ProtocolError):
        return error.code
    if isinstance(error, Refused):
        return from_name(error.code)
    return CloseCode.POP_LOST if isinstance(error, Lost) else CloseCode.CONNECTOR_TIMEOUT
