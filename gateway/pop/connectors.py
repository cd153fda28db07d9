"""The connectors whose control channels stand at this POP: which, how loaded, which one to ask next.

Who a connector is comes from its certificate alone; what its Hello claims must agree with it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from gateway import errors
from gateway.channel import Channel
from gateway.identity import Identity, of_peer
from gateway.pop.limits import decrease, network_of
from gateway.pop.standing import Standing
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    Drain,
    End,
    Frame,
    Hello,
    Load,
    Open,
    Opened,
    Ping,
    Pong,
    Refused,
    Welcome,
)

log = logging.getLogger(__name__)

HELLO_SECONDS: Final = 5.0


@dataclass(slots=True, eq=False)
class Line:
    """One connector's control channel. `asked` counts the opens sent since it last reported its load."""

    identity: Identity
    standing: Standing
    sessions: int
    capacity: int
    is_draining: bool = False
    asked: int = 0

    @property
    def share(self) -> float:
        """How full it is, opens under way included; 1.0 and above takes no more."""
        return (self.sessions + self.asked) / max(1, self.capacity)

    def announce(self) -> Announce:
        """Return what the broker is told about it."""
        who = self.identity
        return Announce(who.id, who.location, self.sessions, self.capacity, self.is_draining)

    def open(self, order: Open) -> None:
        """Ask it to open."""
        self.asked += 1
        self.standing.send(order)


class Watcher(Protocol):
    """Who is told what connectors say and when they come and go."""

    def connector_came(self, line: Line) -> None:
        """Called when a line stands, and again when its load or drain changed."""

    def connector_left(self, line: Line) -> None:
        """Called when a line is gone."""

    def answered(self, line: Line, frame: Opened | Refused) -> None:
        """Called with each answer to an `Open`, whatever it was that `line` was asked."""

    def session_ended(self, line: Line, frame: End) -> None:
        """Called when a connector says why a session ended."""


class Connectors:
    """The table of lines, one per connector id: a newer line replaces the older."""

    def __init__(self, pop: str, ping_seconds: int, is_revoked: Callable[[str], bool]) -> None:
        self._pop, self._ping_seconds, self._is_revoked = pop, ping_seconds, is_revoked
        self._lines: dict[str, Line] = {}
        self.watchers: tuple[Watcher, ...] = ()
        self.networks: Counter[str] = Counter()
        """Where control channels come from."""

    def __iter__(self) -> Iterator[Line]:
        return iter(tuple(self._lines.values()))

    def __len__(self) -> int:
        return len(self._lines)

    def get(self, connector: str) -> Line | None:
        """Return the line of a connector by its id."""
        return self._lines.get(connector)

    def pick(self, location: str, tried: Collection[str]) -> Line | None:
        """Return the least loaded line of the location that is not draining, full or tried."""
        fit = [
            line
            for line in self._lines.values()
            if line.identity.location == location
            and line.identity.id not in tried
            and not line.is_draining
            and line.share < 1
        ]
        return min(fit, key=lambda line: line.share, default=None)

    def broadcast(self, frame: Drain | End | Load) -> None:
        """Send a frame on every line; an `End` that names its location, on those of that location."""
        location = frame.location if isinstance(frame, End) else ""
        for line in self._lines.values():
            if location in ("", line.identity.location):
                line.standing.send(frame)

    async def serve(self, channel: Channel) -> None:
        """Serve a connector's control channel until it ends; `Lost`, or `Refused` with a code, says why."""
        line = await self._greet(channel)
        who = line.identity
        if (older := self._lines.get(who.id)) is not None:
            older.standing.channel.close()
        self._lines[who.id] = line
        network = network_of(channel.peer[0])
        self.networks[network] += 1
        log.info("connector.came", extra={"connector": who.id, "location": who.location})
        for watcher in self.watchers:
            watcher.connector_came(line)
        try:
            await line.standing.serve(
                lambda frame: self._take(line, frame), lambda: self._beat(line), self._ping_seconds
            )
        finally:
            decrease(self.networks, network)
            if self._lines.get(who.id) is line:
                del self._lines[who.id]
                for watcher in self.watchers:
                    watcher.connector_left(line)

    async def _greet(self, channel: Channel) -> Line:
        standing = Standing(channel, CloseCode.CONNECTOR_PROTOCOL)
        try:
            identity = of_peer(channel.peer_certificate())
            hello = await standing.first(HELLO_SECONDS)
            if not isinstance(hello, Hello):
                raise _broke("the connector did not begin with Hello")
            claims = (hello.role, hello.id, hello.location)
            if identity.role != "connector" or claims != ("connector", identity.id, identity.location):
                raise _broke(
                    f"Hello of {hello.role} {hello.id[:64]!r} does not fit the certificate of {identity.id!r}"
                )
            self._check(identity)
        except BaseException:
            channel.close()
            raise
        standing.send(Welcome(self._pop, self._ping_seconds))
        return Line(identity, standing, hello.sessions, hello.capacity)

    def _check(self, identity: Identity) -> None:
        if self._is_revoked(identity.serial):
            raise errors.Refused(CloseCode.BROKER_REVOKED, f"the certificate of {identity.id} was revoked")

    def _beat(self, line: Line) -> Iterable[Frame]:
        self._check(line.identity)
        return (Ping(0),)

    def _take(self, line: Line, frame: Frame) -> None:
        match frame:
            case Opened() | Refused():
                for watcher in self.watchers:
                    watcher.answered(line, frame)
            case End():
                for watcher in self.watchers:
                    watcher.session_ended(line, frame)
            case Load():
                has_news = (line.sessions, line.is_draining) != (frame.sessions, frame.draining)
                line.sessions, line.capacity, line.is_draining = (
                    frame.sessions,
                    frame.capacity,
                    frame.draining,
                )
                line.asked = 0
                if has_news:
                    for watcher in self.watchers:
                        watcher.connector_came(line)
            case Drain():
                line.is_draining = True
                for watcher in self.watchers:
                    watcher.connector_came(line)
            case Ping():
                line.standing.send(Pong(frame.token))
            case Pong():
                pass
            case _:
                raise _broke(f"a connector may not send {type(frame).__name__}")


def _broke(text: str) -> errors.Refused:
    return errors.Refused(CloseCode.CONNECTOR_PROTOCOL, text)
