"""What happens to a client after TLS: its first bytes, its ticket or token, its session or its refusal.

Every refusal is answered in the client's own protocol and counted by its close code (strays by what they
look like). A ticket is spent before a connector is asked: no connector ever hears of a bad ticket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.address import join_address
from gateway.channel import Channel
from gateway.errors import GatewayError, Lost, Refused
from gateway.pop import websocket
from gateway.pop.alternates import Alternates
from gateway.pop.config import PopConfig
from gateway.pop.counters import Counters
from gateway.pop.face import Face
from gateway.pop.limits import Gate, SessionCounts, TicketGuard
from gateway.pop.redeem import Grant, Redeemer
from gateway.pop.rendezvous import Order, Rendezvous
from gateway.pop.sessions import REACH, Record, Session, Sessions, truncated
from gateway.pop.visit import Visit
from gateway.protocol import control, hello, ticket, token
from gateway.protocol.codes import CloseCode, from_name
from gateway.protocol.control import Opened, Reach, encode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.sniff import PREAMBLE_BYTES, Kind, Stray, sniff
from gateway.protocol.socks5 import ConnectRequest, Socks5Server
from gateway.protocol.websocket import Origins

log = logging.getLogger(__name__)

GUESSES = (
    CloseCode.CLIENT_TICKET_REFUSED,
    CloseCode.CLIENT_TICKET_FOREIGN,
    CloseCode.CLIENT_TICKET_MALFORMED,
    CloseCode.CLIENT_TOKEN_REFUSED,
    CloseCode.CLIENT_RATE_LIMITED,
)
"""What counts against a network; the broker says `client_rate_limited` to wrong tickets that are many."""
BROKER_USER = "(broker)"
"""Whose sessions a broker's own wires are, per tenant; no user is called so."""
RESUMED = ("resumed", 1)
"""Stands for the target of a resumed session, which only its connector knows."""


class Clients:
    """Serves client channels."""

    def __init__(
        self, config: PopConfig, face: Face, guard: TicketGuard, counts: SessionCounts, redeemer: Redeemer,
        rendezvous: Rendezvous, sessions: Sessions, counters: Counters, keys: Mapping[str, Ed25519PublicKey],
        clock: Callable[[], float], origins: Origins, alternates: Alternates,
    ) -> None:  # fmt: skip
        self._config, self._face, self._guard, self._counts = config, face, guard, counts
        self._redeemer, self._rendezvous, self._sessions = redeemer, rendezvous, sessions
        self._counters, self._keys, self._clock = counters, keys, clock
        self._origins, self._alternates = origins, alternates
        self._web = Gate(config.caps.http, config.caps.http_per_network)
        self.is_draining = self.is_stopping = False
        """Draining: no client gets in. Stopping: no broker's wire either."""
        self.on_launch: Callable[[str, CloseCode | None], None] = lambda _network, _code: None
        """Called with the truncated network and the end of each launch (resumes are none): None opened."""

    async def serve(self, channel: Channel, visit: Visit) -> None:
        """Bring the client to its session or its refusal; the channel is taken over."""
        try:
            await self._serve(channel, visit)
        except GatewayError:
            raise
        except Exception:
            self.on_launch(truncated(visit.address), CloseCode.POP_INTERNAL)
            raise

    async def _serve(self, channel: Channel, visit: Visit) -> None:
        try:
            kind, head = await self._first_bytes(channel)
        except ProtocolError as error:
            self._counters.add("refused", str(error.code))
            await channel.farewell()
            return
        if isinstance(kind, Stray):
            self._counters.add("refused", f"stray_{kind}")
            await channel.farewell()
            return
        channel.early = head + channel.early
        if kind is Kind.SOCKS5:
            await self._serve_socks5(channel, visit)
        elif kind is Kind.RSP:
            await self._serve_rsp(channel, visit)
        elif kind is Kind.WEBSOCKET:
            await self._serve_websocket(channel, visit)
        elif visit.pass_to(self._web):
            await self._face.serve(channel)
        else:
            self._counters.add("refused", "http_full")
            channel.close()

    async def _first_bytes(self, channel: Channel) -> tuple[Kind | Stray, bytes]:
        head = b""
        async with self._preamble():
            while (kind := sniff(head)) is None:
                more = await channel.read(PREAMBLE_BYTES)
                if not more:
                    raise ProtocolError(CloseCode.CLIENT_GONE if not head else CloseCode.CLIENT_PROTOCOL)
                head += more
        return kind, head

    def _preamble(self) -> AbstractAsyncContextManager[None]:
        return _within(self._config.times.preamble_seconds, CloseCode.CLIENT_PREAMBLE_TIMEOUT)

    async def _serve_socks5(self, channel: Channel, visit: Visit) -> None:
        socks = Socks5Server()
        try:
            async with self._preamble():
                request = await _asked(channel, socks)
            visit.mark("preamble")
            if request is None:
                self._counters.add("refused", str(CloseCode.CLIENT_GONE))
                await channel.farewell()
                return
            with self._guarded(visit):
                grant = await self._spend(request.host, visit)
            order = _order(grant, "plain")
            session, wire = await self._open(self._record(grant, order, visit), order, visit)
        except (ProtocolError, Refused) as error:
            code = self._refused(error, visit)
            if not isinstance(error, ProtocolError) or code is CloseCode.CLIENT_TICKET_MALFORMED:
                socks.refuse(code)
            await channel.write(socks.take())
            await channel.farewell()
            return
        socks.accept()
        await self._begin(session, channel, wire, order, socks.take(), socks.rest())

    async def _serve_websocket(self, channel: Channel, visit: Visit) -> None:
        head, channel.early = channel.early, b""
        try:
            async with self._preamble():
                client = await websocket.upgrade(channel, head, self._origins)
        except ProtocolError as error:
            self._refused(error, visit)
            await channel.farewell()
            return
        visit.mark("preamble")
        try:
            with self._guarded(visit):
                grant = await self._spend(client.ticket, visit)
            order = _order(grant, "plain")
            session, wire = await self._open(self._record(grant, order, visit), order, visit)
        except (ProtocolError, Refused) as error:
            client.part(self._refused(error, visit))
            client.close()
            return
        except BaseException:
            client.close()
            raise
        await self._begin(session, client, wire, order, b"", b"")

    async def _serve_rsp(self, channel: Channel, visit: Visit) -> None:
        data = b""
        is_launch = True
        try:
            async with self._preamble():
                while (parsed := hello.parse_hello(data)) is None:
                    data += await _more(channel)
            wanted, size = parsed
            is_launch = bool(wanted.ticket)
            visit.mark("preamble")
            with self._guarded(visit):
                record, order, routing = await self._wanted(wanted, visit)
            session, wire = await self._open(record, order, visit)
        except (ProtocolError, Refused) as error:
            code = self._refused(error, visit, is_launch=is_launch)
            await channel.write(hello.encode_answer(code))
            await channel.farewell()
            return
        accepted = hello.Accepted(
            record.session, routing, record.connector, self._alternates.now, order.idle_seconds
        )
        await self._begin(session, channel, wire, order, hello.encode_answer(accepted), data[size:])

    async def reach(self, channel: Channel, wanted: Reach, visit: Visit) -> None:
        """Join a broker's wire to what it wants in a location's network, as a session of its own."""
        visit.mark("preamble")
        order = Order(
            wanted.session, wanted.location, wanted.host, wanted.port,
            idle_seconds=wanted.idle_seconds, max_seconds=wanted.max_seconds,
        )  # fmt: skip
        record = Record(
            wanted.session, order.epoch, REACH, BROKER_USER, wanted.tenant, wanted.location,
            join_address(wanted.host, wanted.port), truncated(visit.address), self._clock(),
            phases=visit.phases,
        )  # fmt: skip
        try:
            self._admit(is_client=False)
            session, wire = await self._open(record, order, visit)
        except Refused as error:
            code = _code_of(error)
            self._counters.add("refused", str(code))
            await channel.write(encode(control.Refused(wanted.nonce, code, str(error)[:200])))
            await channel.farewell()
            return
        await self._begin(session, channel, wire, order, encode(Opened(wanted.nonce)), b"")

    def _refused(self, error: ProtocolError | Refused, visit: Visit, *, is_launch: bool = True) -> CloseCode:
        """Count a refusal and return its code."""
        code = _code_of(error)
        self._counters.add("refused", str(code))
        self._ended(truncated(visit.address), code, is_launch=is_launch)
        return code

    def _ended(self, network: str, code: CloseCode | None, *, is_launch: bool) -> None:
        if is_launch:
            self.on_launch(network, code)

    async def _wanted(self, wanted: hello.ClientHello, visit: Visit) -> tuple[Record, Order, str]:
        """Return record, order and routing token for a first wire (ticket) or a later one (token)."""
        if wanted.ticket:
            grant = await self._spend(wanted.ticket, visit)
            order = _order(grant, "rsp", wanted.epoch)
            return self._record(grant, order, visit), order, grant.resume_token
        self._admit()
        lives = token.verify(wanted.token, self._keys, self._clock())
        order = Order(
            lives.session, lives.location, *RESUMED, "rsp", wanted.epoch, resume=True,
            connector=wanted.connector, idle_seconds=lives.idle_seconds,
            max_seconds=max(1, int(lives.ends - self._clock())),
        )  # fmt: skip
        record = Record(
            lives.session, wanted.epoch, "rsp", lives.user, lives.tenant, lives.location, "",
            truncated(visit.address), self._clock(), cause=wanted.cause, phases=visit.phases,
        )  # fmt: skip
        return record, order, wanted.token

    def _admit(self, *, is_client: bool = True) -> None:
        """A drained POP serves the broker on: a location may have its only connectors here."""
        if self.is_stopping or (self.is_draining and is_client):
            raise Refused(CloseCode.POP_DRAINING)
        if self._counts.total >= self._config.caps.sessions:
            raise Refused(CloseCode.POP_FULL)

    @contextmanager
    def _guarded(self, visit: Visit) -> Iterator[None]:
        """Refuse a network that guesses, unread; count a ticket or token that was none."""
        if self._guard.is_shut(visit.network):
            raise Refused(CloseCode.CLIENT_RATE_LIMITED)
        try:
            yield
        except (ProtocolError, Refused) as error:
            if _code_of(error) in GUESSES and self._guard.failed(visit.network):
                self._counters.add("ticket_alarms")
                log.warning("tickets.guessed", extra={"network": truncated(visit.address)})
            raise

    async def _spend(self, text: str, visit: Visit) -> Grant:
        self._admit()
        grant = await self._redeemer.redeem(ticket.parse(text))
        visit.mark("redeem")
        return grant

    def _record(self, grant: Grant, order: Order, visit: Visit) -> Record:
        return Record(
            grant.session, order.epoch, order.mode, grant.user, grant.tenant, grant.location, grant.resource,
            truncated(visit.address), self._clock(), phases=visit.phases,
        )  # fmt: skip

    async def _open(self, record: Record, order: Order, visit: Visit) -> tuple[Session, Channel]:
        """Return the entered session and its proved data channel; `Refused` leaves a closed record."""
        if order.resume:
            code = self._counts.resume_refusal(record.session)
        else:
            code = self._counts.refusal(record.tenant, record.user)
        code = self._sessions.why_forbidden(record.session) or code
        if code is not None:
            raise Refused(code)
        session = self._sessions.enter(record)

        def note(opened: Opened) -> None:
            record.phases |= {"vda": float(opened.vda_ms), "pop": float(opened.pop_ms)}

        try:
            async with session.joining():
                wire, who = await self._rendezvous.join(order, note)
        except Refused as error:
            self._sessions.leave(session, _code_of(error), str(error))
            raise
        except BaseException:
            self._sessions.leave(session, CloseCode.POP_STOPPED)
            raise
        record.connector, record.way = who.id, "direct" if who.hosts else "connector"
        visit.mark("join")
        return session, wire

    async def _begin(
        self, session: Session, channel: Channel, wire: Channel, order: Order, answer: bytes, early: bytes
    ) -> None:
        is_launch = not order.resume and session.record.mode != REACH
        try:
            await channel.write(answer)
        except BaseException as error:
            channel.close()
            wire.close()
            self._sessions.leave(session, CloseCode.CLIENT_LOST, str(error))
            if isinstance(error, Lost):
                self._ended(session.record.network, CloseCode.CLIENT_LOST, is_launch=is_launch)
                return
            raise
        self._ended(session.record.network, None, is_launch=is_launch)
        channel.early = early + channel.early
        idle = order.idle_seconds or self._config.times.idle_seconds
        session.carry(channel, wire, idle_seconds=idle, max_seconds=order.max_seconds)


@asynccontextmanager
async def _within(seconds: float, code: CloseCode) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ProtocolError(code) from None


async def _asked(channel: Channel, socks: Socks5Server) -> ConnectRequest | None:
    """Return what the client asks for; None of one that greets and leaves, as health checks do: no launch."""
    data = await _more(channel)
    while (request := socks.receive(data)) is None:
        await channel.write(socks.take())
        data = await channel.read(PREAMBLE_BYTES) if socks.has_only_greeted else await _more(channel)
        if not data:
            return None
    return request


async def _more(channel: Channel) -> bytes:
    data = await channel.read(PREAMBLE_BYTES)
    if not data:
        raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "ended inside its preamble")
    return data


def _order(grant: Grant, mode: str, epoch: int = 1) -> Order:
    return Order(
        grant.session, grant.location, grant.host, grant.port, mode, epoch,
        idle_seconds=grant.idle_seconds, max_seconds=grant.max_seconds, has_agent=grant.has_agent,
    )  # fmt: skip


def _code_of(error: ProtocolError | Refused) -> CloseCode:
    return error.code if isinstance(error, ProtocolError) else from_name(error.code)
