"""Carries a POP's `Open` to a connector whose control channel sits at another POP, and the answer back.

Sans-I/O: frames of one link in, (link, frame) pairs out. A link is one POP host's connection to the
broker; a POP of several hosts has several. Nonces live until answered, cancelled or past their deadline.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    Cancel,
    Drain,
    Frame,
    Load,
    Open,
    Opened,
    Ping,
    Pong,
    Refused,
    Withdraw,
)
from gateway.protocol.errors import ProtocolError

MAX_PENDING: Final = 10_000
"""Opens under way through one broker; each lives for seconds. Past it new ones are refused."""

MAX_DEADLINE_SECONDS: Final = 30.0
"""What a POP may ask for; launches give up long before."""

Out = list[tuple[int, Frame]]


@dataclass(frozen=True, slots=True)
class _Pending:
    origin: int
    carrier: int
    connector: str
    session: str
    deadline: float
    is_refused: bool = False
    """Answered; kept until the deadline, so that the session's next open goes to another connector."""


class Switchboard:
    """Who is connected, which connectors they announced, and which opens are under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._links: dict[int, bool] = {}  # link -> is it draining
        self._announced: dict[tuple[int, str], Announce] = {}
        self._pending: dict[bytes, _Pending] = {}
        self._of_session: dict[str, set[bytes]] = {}
        self._deadlines: list[tuple[float, bytes]] = []  # a heap; holds answered nonces until their time
        self._next = 0

    def join(self) -> int:
        """Return the number of a new link."""
        self._next += 1
        self._links[self._next] = False
        return self._next

    def leave(self, link: int) -> Out:
        """Forget a link: opens it carried are refused to their askers, those it asked for are cancelled."""
        del self._links[link]
        for key in [key for key in self._announced if key[0] == link]:
            del self._announced[key]
        out: Out = []
        for nonce, pending in list(self._pending.items()):
            if link not in (pending.origin, pending.carrier):
                continue
            self._drop(nonce)
            if pending.is_refused:
                continue
            if pending.origin != link:
                out.append((pending.origin, Refused(nonce, CloseCode.POP_LOST, "the connector's POP left")))
            elif pending.carrier != link:
                out.append((pending.carrier, Cancel(nonce)))
        return out

    def revoke(self, connector: str) -> Out:
        """Take a revoked connector out everywhere, and have every POP end what it has of it."""
        for key in [key for key in self._announced if key[1] == connector]:
            del self._announced[key]
        return [(link, Withdraw(connector)) for link in self._links]

    def has_agent(self, location: str, host: str) -> bool:
        """Whether the agent of this VDA can be reached now."""
        return any(
            announce.location == location and host in announce.hosts and not announce.draining
            for announce in self._announced.values()
        )

    def standing(self) -> Iterator[tuple[int, Announce]]:
        """Yield every control channel that a link announced."""
        for (link, _), announce in self._announced.items():
            yield link, announce

    def announced(self) -> frozenset[tuple[str, str]]:
        """Return the (connector, location) pairs that can be reached now."""
        return frozenset((a.connector, a.location) for a in self._announced.values())

    def staying(self) -> tuple[int, ...]:
        """Return the links of the POPs that are not draining, the oldest first."""
        return tuple(link for link, is_draining in self._links.items() if not is_draining)

    def carriers(self, location: str) -> tuple[int, ...]:
        """Return the links behind which a connector of the location stands, no VDA's agent, best first."""
        here = [(key, a) for key, a in self._announced.items() if a.location == location]
        fit = [key for key, a in here if not a.draining and not a.hosts]
        return tuple(dict.fromkeys(link for link, _ in sorted(fit, key=self._cost)))

    def receive(self, link: int, frame: Frame) -> Out:
        """Handle one frame of a link. Raises `ProtocolError` for one that a POP must not send."""
        match frame:
            case Announce():
                self._announced[link, frame.connector] = frame
            case Withdraw():
                self._announced.pop((link, frame.connector), None)
            case Open():
                return self._open(link, frame)
            case Opened() | Refused():
                return self._answered(link, frame)
            case Cancel():
                return self._cancel(link, frame)
            case Load(draining=draining):
                self._links[link] = draining
            case Drain():
                self._links[link] = True
            case Ping(token=token):
                return [(link, Pong(token))]
            case Pong():
                pass
            case _:
                raise ProtocolError(CloseCode.POP_INTERNAL, f"{type(frame).__name__} is not a POP's to send")
        return []

    def _open(self, link: int, frame: Open) -> Out:
        self._expire()
        if frame.nonce in self._pending:
            return [(link, Refused(frame.nonce, CloseCode.POP_INTERNAL, "the nonce was used before"))]
        if len(self._pending) >= MAX_PENDING:
            return [(link, Refused(frame.nonce, CloseCode.BROKER_REFUSED, "too many opens under way"))]
        chosen = min(self._candidates(frame), key=self._cost, default=None)
        if chosen is None:
            return [(link, Refused(frame.nonce, CloseCode.CONNECTOR_NONE))]
        carrier, connector = chosen
        deadline = self._clock() + min(frame.deadline_ms / 1000, MAX_DEADLINE_SECONDS)
        self._pending[frame.nonce] = _Pending(link, carrier, connector, frame.session, deadline)
        self._of_session.setdefault(frame.session, set()).add(frame.nonce)
        heapq.heappush(self._deadlines, (deadline, frame.nonce))
        return [(carrier, replace(frame, connector=connector))]

    def _candidates(self, frame: Open) -> Iterator[tuple[int, str]]:
        """Yield who could serve it.

        Left to choose, a session's next open never goes to a connector twice; an agent serves its own VDA.
        """
        busy = {self._pending[nonce].connector for nonce in self._of_session.get(frame.session, ())}
        for (link, connector), announce in self._announced.items():
            if announce.location != frame.location or (announce.draining and not frame.resume):
                continue
            is_fit = connector not in busy and (not announce.hosts or frame.host in announce.hosts)
            if connector == frame.connector or (not frame.connector and is_fit):
                yield link, connector

    def _cost(self, key: tuple[int, str]) -> tuple[bool, bool, float, int]:
        """Agents (only of the host that is asked for, see above) first, then POPs that stay, then by load."""
        announce = self._announced[key]
        share = announce.sessions / announce.capacity if announce.capacity else float(announce.sessions)
        return not announce.hosts, self._links[key[0]], share, key[0]

    def _answered(self, link: int, frame: Opened | Refused) -> Out:
        pending = self._pending.get(frame.nonce)
        if pending is None or pending.carrier != link or pending.is_refused:
            return []  # late, cancelled, or somebody else's: the asker has given up on it
        if isinstance(frame, Refused):
            self._pending[frame.nonce] = replace(pending, is_refused=True)
        else:
            self._drop(frame.nonce)
        return [(pending.origin, frame)]

    def _cancel(self, link: int, frame: Cancel) -> Out:
        pending = self._pending.get(frame.nonce)
        if pending is None or pending.origin != link:
            return []
        self._drop(frame.nonce)
        return [] if pending.is_refused else [(pending.carrier, frame)]

    def _expire(self) -> None:
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, nonce = heapq.heappop(self._deadlines)
            pending = self._pending.get(nonce)
            if pending is not None and pending.deadline == deadline:
                self._drop(nonce)

    def _drop(self, nonce: bytes) -> None:
        pending = self._pending.pop(nonce)
        others = self._of_session[pending.session]
        others.discard(nonce)
        if not others:
            del self._of_session[pending.session]
