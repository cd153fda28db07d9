"""Brings a connector's data channel to a waiting client: one-time nonces, hedging, clear refusals.

Each connector asked gets a nonce and a key of its own. One that has not come after the hedge time gets a
rival; the first proved channel wins and the others are cancelled. The VDA's own agent is asked first,
wherever its control channel stands, then connectors of this POP, then the broker, who knows the other POPs'.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway import errors
from gateway.channel import Channel
from gateway.errors import Lost
from gateway.identity import Identity
from gateway.pop.connectors import Connectors, Line
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import KEY_BYTES, NONCE_BYTES, Cancel, End, Open, Opened, Refused
from gateway.protocol.data import DataHello, encode_answer

FINAL: Final = (CloseCode.VDA_REFUSED, CloseCode.CONNECTOR_TARGET_DENIED, CloseCode.BROKER_REFUSED)
"""Refusals that another connector would repeat."""
MOST_VIA_BROKER: Final = 3
"""How often one client's order goes up: each time the broker chooses a connector that it did not ask yet."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be reached for one client; `connector` is the only one that holds a resumed session.

    `has_agent`: the VDA's own agent stands somewhere; if not here, the broker knows where.
    """

    session: str
    location: str
    host: str
    port: int
    mode: str = "plain"
    epoch: int = 1
    resume: bool = False
    connector: str = ""
    idle_seconds: int = 0
    max_seconds: int = 0
    has_agent: bool = False


class Broker(Protocol):
    """Carries signals to connectors at other POPs."""

    @property
    def is_standing(self) -> bool:
        """Whether the broker can be asked now."""

    def send(self, frame: Open | Cancel) -> None:
        """Send a frame to the broker."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One connector that was asked; `line` is None when the broker chose it."""

    nonce: bytes
    key: bytes
    line: Line | None
    meeting: Meeting

    @property
    def connector(self) -> str:
        """The connector's id, empty while the broker may choose."""
        return self.line.identity.id if self.line is not None else self.meeting.order.connector

    def fits(self, who: Identity) -> bool:
        """Whether a channel with this certificate may answer: the one that was asked, and no other."""
        order = self.meeting.order
        is_own = not who.hosts or order.resume or order.host in who.hosts
        return who.location == order.location and self.connector in ("", who.id) and is_own


@dataclass(slots=True, eq=False)
class Meeting:
    """One client's wait. `changed` is set when a channel came or a connector refused."""

    order: Order
    tried: set[str] = field(default_factory=set)
    via_broker: int = 0
    has_broker_none: bool = False
    """The broker knows nobody else."""
    live: dict[bytes, Attempt] = field(default_factory=dict)
    refusal: CloseCode = CloseCode.CONNECTOR_NONE
    is_final: bool = False
    joined: tuple[Channel, Attempt, Identity] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    on_opened: Callable[[Opened], None] | None = None


class Rendezvous:
    """The nonce table; a `Watcher` of `connectors`."""

    def __init__(
        self, connectors: Connectors, broker: Broker, *, pop: str, addresses: tuple[str, ...],
        launch_seconds: float, hedge_seconds: float,
    ) -> None:  # fmt: skip
        self._connectors, self._broker = connectors, broker
        self._pop, self._addresses = pop, addresses
        self._launch_seconds, self._hedge_seconds = launch_seconds, hedge_seconds
        self._attempts: dict[bytes, Attempt] = {}
        self.hedged = 0

    def __len__(self) -> int:
        return len(self._attempts)

    async def join(
        self, order: Order, on_opened: Callable[[Opened], None] | None = None
    ) -> tuple[Channel, Identity]:
        """Return the data channel, answered and ready, and whose certificate it showed.

        Raises `errors.Refused` with the code of whoever is at fault.
        """
        meeting = Meeting(order, on_opened=on_opened)
        try:
            async with asyncio.timeout(self._launch_seconds):
                while meeting.joined is None:
                    await self._advance(meeting)
        except TimeoutError:
            raise errors.Refused(CloseCode.CONNECTOR_TIMEOUT) from None
        except BaseException:
            if meeting.joined is not None:
                meeting.joined[0].close()
            raise
        finally:
            self._dismiss(meeting)
        return meeting.joined[0], meeting.joined[2]

    async def _advance(self, meeting: Meeting) -> None:
        """Ask one more connector, then wait for news, at most for the hedge time if there are rivals."""
        has_asked = not meeting.is_final and self._ask(meeting)
        if not meeting.live:
            raise errors.Refused(meeting.refusal)
        if has_asked and len(meeting.live) > 1:
            self.hedged += 1
        meeting.changed.clear()
        try:
            async with asyncio.timeout(self._hedge_seconds if has_asked else None):
                await meeting.changed.wait()
        except TimeoutError:
            return

    def _ask(self, meeting: Meeting) -> bool:
        order, line = meeting.order, self._line(meeting)
        if line is not None:
            if line.identity.id in meeting.tried or line.identity.location != order.location:
                return False
            meeting.tried.add(line.identity.id)
        elif not self._may_ask_broker(meeting):
            return False
        else:
            meeting.via_broker += 1
        attempt = Attempt(secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(KEY_BYTES), line, meeting)
        self._attempts[attempt.nonce] = meeting.live[attempt.nonce] = attempt
        request = self._request(order, attempt)
        if line is None:
            self._broker.send(request)
        else:
            line.open(request)
        return True

    def _line(self, meeting: Meeting) -> Line | None:
        """Return which line here is to be asked next; None: the broker is to choose."""
        order = meeting.order
        if order.connector:
            return self._connectors.get(order.connector)
        line = self._connectors.pick(order.location, order.host, meeting.tried)
        is_agent = line is not None and bool(line.identity.hosts)
        if order.has_agent and not is_agent and not meeting.via_broker and self._may_ask_broker(meeting):
            return None
        return line

    def _may_ask_broker(self, meeting: Meeting) -> bool:
        most = 1 if meeting.order.connector else MOST_VIA_BROKER
        return self._broker.is_standing and not meeting.has_broker_none and meeting.via_broker < most

    def _request(self, order: Order, attempt: Attempt) -> Open:
        return Open(
            nonce=attempt.nonce,
            key=attempt.key,
            session=order.session,
            location=order.location,
            host=order.host,
            port=order.port,
            pop=self._addresses,
            pop_name=self._pop,
            deadline_ms=round(self._launch_seconds * 1000),
            mode=order.mode,
            epoch=order.epoch,
            resume=order.resume,
            connector=attempt.connector,
            idle_seconds=order.idle_seconds,
            max_seconds=order.max_seconds,
        )

    async def arrive(self, hello: DataHello, channel: Channel, who: Identity) -> None:
        """Join a connector's data channel to who waits for it; refuse and close it when nobody does."""
        attempt = self._attempts.get(hello.nonce)
        meeting = attempt.meeting if attempt is not None else None
        is_good = attempt is not None and hello.is_proved(attempt.key) and attempt.fits(who)
        if attempt is None or meeting is None or not is_good:
            await channel.write(encode_answer(CloseCode.CONNECTOR_NONCE))
            await channel.farewell()
            raise errors.Refused(CloseCode.CONNECTOR_NONCE)
        del self._attempts[hello.nonce]  # one-time
        try:
            await channel.write(encode_answer(None))
        except Lost:
            channel.close()
            self._refuse(attempt, CloseCode.CONNECTOR_LOST)
            raise
        if meeting.joined is not None or hello.nonce not in meeting.live:
            channel.close()  # a rival came while this one was being answered, or the client left
            return
        meeting.joined = (channel, attempt, who)
        if meeting.on_opened is not None:
            self._attempts[hello.nonce] = attempt
            asyncio.get_running_loop().call_later(self._launch_seconds, self._forget, attempt)
        meeting.changed.set()

    def _forget(self, attempt: Attempt) -> None:
        self._attempts.pop(attempt.nonce, None)

    def _dismiss(self, meeting: Meeting) -> None:
        winner = meeting.joined[1] if meeting.joined is not None else None
        for attempt in meeting.live.values():
            if attempt is winner:
                continue
            self._forget(attempt)
            if attempt.line is not None:
                attempt.line.standing.send(Cancel(attempt.nonce))
            elif self._broker.is_standing:
                self._broker.send(Cancel(attempt.nonce))
        meeting.live.clear()

    def answered(self, line: Line | None, frame: Opened | Refused) -> None:
        """Take an answer (`line` None: the broker's); one that is not to who was asked is passed over."""
        attempt = self._attempts.get(frame.nonce)
        if attempt is None or attempt.line is not line:
            return
        if isinstance(frame, Refused):
            self._forget(attempt)
            self._refuse(attempt, frame.code)
        elif attempt.meeting.joined is not None and attempt.meeting.on_opened is not None:
            self._forget(attempt)
            attempt.meeting.on_opened(frame)

    def _refuse(self, attempt: Attempt, code: CloseCode) -> None:
        meeting = attempt.meeting
        if meeting.live.pop(attempt.nonce, None) is None:
            return
        if attempt.line is None and code is CloseCode.CONNECTOR_NONE:
            meeting.has_broker_none = True  # tells less than what a connector said before
        else:
            meeting.refusal, meeting.is_final = code, meeting.is_final or code in FINAL
        meeting.changed.set()

    def session_ended(self, line: Line, frame: End) -> None:
        """Nothing to do: it is no meeting any more."""

    def connector_came(self, line: Line) -> None:
        """Nothing to do: waiting clients ask at their own pace."""

    def connector_left(self, line: Line) -> None:
        """Refuse what this connector was asked for, so that the next one is asked at once."""
        for attempt in [a for a in self._attempts.values() if a.line is line and a.meeting.joined is None]:
            self._forget(attempt)
            self._refuse(attempt, CloseCode.CONNECTOR_LOST)
