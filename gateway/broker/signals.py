"""The signal port: control channels of POPs over mutual TLS, joined by the `Switchboard`.

Holds sockets, time limits and the look-ups of who may; which frame goes where is the switchboard's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.broker import certificates, sessions
from gateway.broker.desk import Desk
from gateway.broker.enrolment import check_connector
from gateway.broker.standing import Standing
from gateway.broker.switchboard import Out, Switchboard
from gateway.errors import GatewayError, Refused, Unauthorised
from gateway.identity import Identity, of_peer
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Announce, End, Frame, FrameReader, Hello, Welcome, Withdraw, encode
from gateway.protocol.errors import ProtocolError

PING_SECONDS: Final = 5
SILENT_SECONDS: Final = 3.0 * PING_SECONDS
MAX_BACKLOG_BYTES: Final = 1 << 20
"""A POP that does not read this much of what it is sent is cut off."""

READ_BYTES: Final = 65_536
SWEEP_SECONDS: Final = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Near:
    """A POP's host whose link stands, and where it takes connections."""

    pop: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    identity: Identity
    writer: asyncio.StreamWriter
    addresses: tuple[str, ...]


class Signals:
    """Serves every POP's connection; `sweep` cuts those whose certificates were revoked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._board = Switchboard(desk.clock)
        self._links: dict[int, _Link] = {}
        self._standing = Standing(desk.settings.state_dir, desk.clock)
        self._were_announced: frozenset[tuple[str, str]] = frozenset()
        """At the last sweep: a POP may have cut off a revoked one before; it has sessions elsewhere."""
        self._told: set[str] = set()
        """Ended sessions that every POP which stands now was told of."""
        self._serving: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one POP's connection, from the handshake on to its end."""
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = "unknown"
        try:
            identity = of_peer(writer.get_extra_info("peercert"))
            name = identity.id
            await asyncio.to_thread(certificates.check, self._desk.engine, identity, "pop")
            await self._talk(identity, reader, writer)
            log.info("signal.closed", extra={"pop": name})
        except TimeoutError:
            log.warning("signal.silent", extra={"pop": name})
        except (GatewayError, OSError) as error:
            log.warning("signal.cut", extra={"pop": name, "reason": str(error) or type(error).__name__})
        finally:
            writer.transport.abort()

    def near(self, location: str) -> tuple[Near, ...]:
        """Return who can reach into the location now, the best first."""
        return self._hosts(self._board.carriers(location))

    def staying(self) -> tuple[Near, ...]:
        """Return the hosts that are linked now and not draining."""
        return self._hosts(self._board.staying())

    def _hosts(self, links: Iterable[int]) -> tuple[Near, ...]:
        found = (self._links[number] for number in links)
        return tuple(Near(link.identity.id, link.addresses) for link in found)

    async def sweep(self) -> None:
        """For ever: every few seconds cut off POPs and forget connectors that were revoked meanwhile."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self.sweep_once()

    async def sweep_once(self) -> None:
        """Look at every link and every announced connector once; write down who stands."""
        for link in list(self._links.values()):
            try:
                await asyncio.to_thread(certificates.check, self._desk.engine, link.identity, "pop")
            except Unauthorised:
                log.warning("signal.revoked", extra={"pop": link.identity.id})
                link.writer.transport.abort()
        announced = self._board.announced()
        for connector, location in announced | self._were_announced:
            try:
                await asyncio.to_thread(check_connector, self._desk.engine, connector, location)
            except Refused:  # revoked, or removed with its location
                log.warning("connector.revoked", extra={"connector": connector})
                self._send(self._board.revoke(connector))
        self._were_announced = announced
        self._standing.note(
            (self._links[link].identity.id, announce) for link, announce in self._board.standing()
        )
        try:
            await asyncio.to_thread(self._standing.save)
        except OSError as error:
            log.warning("standing.not_written", extra={"reason": str(error)})
        ended = await self._ended()
        self._send(
            [(link, frame) for link in self._links for frame in ended if frame.session not in self._told]
        )
        self._told = {frame.session for frame in ended}

    async def _ended(self) -> list[End]:
        """Return what an administrator ended while a token of the session may still be good."""
        since = self._desk.clock() - self._desk.settings.token_seconds
        found = await asyncio.to_thread(sessions.ended_by_us, self._desk.engine, since)
        return [End(one.id, CloseCode.BROKER_ENDED, one.location) for one in found]

    def has_agent(self, location: str, host: str) -> bool:
        """Whether the agent of this VDA has a control channel at some POP now."""
        return self._board.has_agent(location, host)

    async def close(self) -> None:
        """Cut off everybody; nothing is served any more when this returns."""
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _talk(
        self, identity: Identity, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        frames = FrameReader(CloseCode.POP_INTERNAL)
        waiting = await _read(reader, frames)
        if not waiting:
            return
        hello = waiting.pop(0)
        if not isinstance(hello, Hello) or (hello.role, hello.id) != ("pop", identity.id):
            raise ProtocolError(CloseCode.POP_INTERNAL, "the first frame is not this POP's Hello")
        link = self._board.join()
        self._links[link] = _Link(identity, writer, hello.addresses)
        try:
            writer.write(encode(Welcome(self._desk.sta.id, PING_SECONDS)))
            self._send([(link, frame) for frame in await self._ended()])
            log.info("signal.joined", extra={"pop": identity.id, "link": link})
            while True:
                for frame in waiting:
                    await self._handle(link, frame)
                await asyncio.sleep(0)  # a POP that always has more waiting does not stop the others
                waiting = await _read(reader, frames)
                if not waiting:
                    return
        finally:
            del self._links[link]
            self._send(self._board.leave(link))

    async def _handle(self, link: int, frame: Frame) -> None:
        if isinstance(frame, Announce) and (frame.connector, frame.location) not in self._board.announced():
            try:
                await asyncio.to_thread(check_connector, self._desk.engine, frame.connector, frame.location)
            except Refused as error:  # revoked, or of another location: nothing is sent to it
                log.warning("signal.announce_refused", extra={"link": link, "reason": str(error)})
                if error.code == "broker_revoked":
                    self._send([(link, Withdraw(frame.connector))])
                return
        self._send(self._board.receive(link, frame))

    def _send(self, out: Out) -> None:
        for number, frame in out:
            link = self._links.get(number)
            if link is None:
                continue
            link.writer.write(encode(frame))
            if link.writer.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
                log.warning("signal.backlog", extra={"pop": link.identity.id})
                link.writer.transport.abort()


async def _read(reader: asyncio.StreamReader, frames: FrameReader) -> list[Frame]:
    """Return the next frames, at least one; none means the POP has closed. Raises `TimeoutError`."""
    async with asyncio.timeout(SILENT_SECONDS):
        while data := await reader.read(READ_BYTES):
            if found := frames.receive(data):
                return found
    return []
