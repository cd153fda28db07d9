"""The connectors whose control channels stand at this POP: which, how loaded, which one to ask next.

Who a connector is, and which VDA it is the agent of, comes from its certificate alone; what its Hello claims
must agree with it.
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
BUSY_STEP: Final = 25
"""Per cent by which a connector's CPU load must move to be news."""


@dataclass(slots=True, eq=False)
class Line:
    """One connector's control channel. `asked` counts the opens sent since it last reported its load."""

    identity: Identity
    standing: Standing
    sessions: int
    capacity: int
    is_draining: bool = False
    asked: int = 0
    software: str = ""
    cpu_percent: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """How full it is, opens under way included; 1.0 and above takes no more."""
        return (self.sessions + self.asked) / max(1, self.capacity)

    def announce(self) -> Announce:
        """Return what the broker is told about it."""
        who = self.identity
        return Announce(
            who.id, who.location, self.sessions, self.capacity, self.is_draining, who.hosts,
            self.software, self.cpu_percent, self.failed,
        )  # fmt: skip

    def heard(self, load: Load) -> bool:
        """Take a report; say whether it is worth telling the broker."""
        before = (self.sessions, self.is_draining, self.failed, self.cpu_percent // BUSY_STEP)
        self.sessions, self.capacity, self.is_draining = load.sessions, load.capacity, load.draining
        self.cpu_percent, self.failed, self.asked = load.cpu_percent, load.failed, 0
        return before != (load.sessions, load.draining, load.failed, load.cpu_percent // BUSY_STEP)

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
        self._revoked_ids: set[str] = set()
        self._drain: Drain | None = None
        self.networks: Counter[str] = Counter()
        """Where control channels come from."""

    def __iter__(self) -> Iterator[Line]:
        return iter(tuple(self._lines.values()))

    def __len__(self) -> int:
        return len(self._lines)

    def get(self, connector: str) -> Line | None:
        """Return the line of a connector by its id."""
        return self._lines.get(connector)

    def pick(self, location: str, host: str, tried: Collection[str]) -> Line | None:
        """Return the least loaded line of the location that is not draining, full or tried.

        The agent of `host` goes before all others; an agent is never asked for a host that is not its own.
        """
        fit = [
            line
            for line in self._lines.values()
            if line.identity.location == location
            and line.identity.id not in tried
            and not line.is_draining
            and line.share < 1
        ]
        agents = [line for line in fit if host in line.identity.hosts]
        others = [line for line in fit if not line.identity.hosts]
        return min(agents or others, key=lambda line: line.share, default=None)

    def broadcast(self, frame: Drain | End | Load) -> None:
        """Send a frame on every line; an `End` that names its location, on those of that location.

        Who comes while we drain hears of it too.
        """
        if isinstance(frame, Drain):
            self._drain = frame
        elif isinstance(frame, Load) and not frame.draining:
            self._drain = None
        location = frame.location if isinstance(frame, End) else ""
        for line in self._lines.values():
            if location in ("", line.identity.location):
                line.standing.send(frame)

    def is_barred(self, who: Identity) -> bool:
        """Whether the broker took this connector's word away: its certificate, or all that it is."""
        return who.id in self._revoked_ids or self._is_revoked(who.serial)

    def revoke(self, connector: str) -> None:
        """End the line of a connector whose id is worth nothing any more; it does not come back."""
        self._revoked_ids.add(connector)
        if (line := self._lines.get(connector)) is not None:
            line.standing.channel.close()

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
        if self._drain is not None:
            standing.send(self._drain)
        return Line(identity, standing, hello.sessions, hello.capacity, software=hello.software[:64])

    def _check(self, identity: Identity) -> None:
        if self.is_barred(identity):
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
                if line.heard(frame):
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
