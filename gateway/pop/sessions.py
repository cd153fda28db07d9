"""Sessions being carried, and the records of those that ended: who, phases in ms, bytes, why it ended.

A record holds a client's truncated network, never its address, and no ticket. A session costs no task: its
pump is driven by the sockets, and its end arrives as a call.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final

from gateway.channel import Channel
from gateway.errors import Refused
from gateway.pop.counters import Counters
from gateway.pop.limits import SessionCounts
from gateway.pop.websocket import WebSocket
from gateway.protocol.codes import CloseCode
from gateway.pump import Ended, Pump, scratch

KEPT: Final = 2_000
"""Records of ended sessions that a trace can still find here."""
REACH: Final = "reach"
"""The mode of a wire that the broker opened for itself: no client's."""
ENDING_SECONDS: Final = 2.0
"""What the ends of a resumable session have to tell each other why, before the POP cuts its wire."""
INFERRED: Final = (
    CloseCode.CLIENT_CLOSED,
    CloseCode.CLIENT_LOST,
    CloseCode.VDA_CLOSED,
    CloseCode.CONNECTOR_LOST,
)
"""What a POP concludes from which side closed first; whoever held the session may know better."""
FORBIDDEN: Final = 10_000
"""Sessions ended by an administrator that are remembered, the latest ones."""


@dataclass(slots=True, eq=False)
class Record:
    """One wire of one session at this POP; times of day in Unix seconds, phases in ms, NaN unknown.

    Phases: `tls`, `preamble`, `redeem`, `join` (a connector asked until its proved channel), `first_byte`
    (then until one came from the connector's side: a resumable session's RESUME), and what the connector says
    of its own dials, `vda` and `pop`.
    """

    session: str
    epoch: int
    mode: str
    user: str
    tenant: str
    location: str
    resource: str
    network: str
    started: float
    pop: str = ""
    cause: str = ""
    """Why the client brought a later wire: `lost`, `silent`, `drain`."""
    phases: dict[str, float] = field(default_factory=dict)
    connector: str = ""
    way: str = ""
    """How the VDA was reached: `direct` (its own agent), or through a `connector` of the location."""
    client_rtt_ms: float = float("nan")
    connector_rtt_ms: float = float("nan")
    ended: float | None = None
    code: str = ""
    detail: str = ""
    from_client: int = 0
    from_vda: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return plain values; NaN becomes null."""
        fields = asdict(self)
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in fields.items()}


def truncated(address: str) -> str:
    """Return the /24 or /48 of a client address, as measurements name networks."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    length = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, length), strict=False))


class Session:
    """One wire being carried."""

    __slots__ = ("_client", "_code", "_cut_after_seconds", "_joining", "_owner", "_timer", "pump", "record")

    def __init__(self, owner: Sessions, record: Record) -> None:
        self._owner, self.record = owner, record
        self._code: CloseCode | None = None
        self._cut_after_seconds: float | None = None
        """None: nobody has cut it."""
        self._timer: asyncio.TimerHandle | None = None
        self._joining: asyncio.Timeout | None = None
        self.pump: Pump | None = None
        self._client: Channel | None = None

    @asynccontextmanager
    async def joining(self) -> AsyncIterator[None]:
        """Wait for a connector inside the block: a cut in it raises `Refused` with its code."""
        try:
            async with asyncio.timeout(None) as self._joining:
                yield
        except TimeoutError:
            if self._cut_after_seconds is None or self._code is None:
                raise
            raise Refused(self._code) from None
        finally:
            self._joining = None

    def carry(self, client: Channel, connector: Channel, *, idle_seconds: float, max_seconds: float) -> None:
        """Pump from now on; both channels are the session's to close."""
        loop, self._client = self._owner.loop, client
        self.record.client_rtt_ms, self.record.connector_rtt_ms = client.rtt_ms(), connector.rtt_ms()
        self.pump = Pump(
            client, connector, self._owner.buffer, self._ended, idle_seconds=idle_seconds, loop=loop
        )
        if max_seconds > 0:
            self._timer = loop.call_later(max_seconds, self.end, CloseCode.CLIENT_SESSION_EXPIRED)
        self._owner.on_carry(self.record, client)
        self.pump.start(partial(self._first_byte, loop.time()))
        if self._cut_after_seconds is not None:
            self._stop(self.pump, self._cut_after_seconds)

    def _first_byte(self, since: float) -> None:
        self.record.phases["first_byte"] = round((self._owner.loop.time() - since) * 1000, 3)

    @property
    def held(self) -> int:
        """Bytes in memory that blocked readers have not taken."""
        framed = self._client.unsent if isinstance(self._client, WebSocket) else 0
        return framed + (0 if self.pump is None else self.pump.held)

    def end(self, code: CloseCode) -> None:
        """End the session: a resumable one's wire is cut only if its ends, which know too, do not part."""
        is_resumable = self.record.mode == "rsp"
        self.cut(code, after_seconds=ENDING_SECONDS if is_resumable else 0.0)

    def cut(self, code: CloseCode, *, after_seconds: float = 0.0) -> None:
        """Cut this wire for a reason of ours: at once while it waits for a connector."""
        if self._cut_after_seconds is not None:
            return
        self._code, self._cut_after_seconds = self._code or code, after_seconds
        if self._joining is not None:
            self._joining.reschedule(self._owner.loop.time())
        elif self.pump is not None:
            self._stop(self.pump, after_seconds)

    def _stop(self, pump: Pump, after_seconds: float) -> None:
        text = "" if self._code is None else self._code.text
        if after_seconds:
            self._cancel()
            self._timer = self._owner.loop.call_later(after_seconds, pump.stop, text)
        else:
            pump.stop(text)

    def current(self) -> Record:
        """Return the record with what was carried so far."""
        if self.pump is not None:
            self.record.from_client, self.record.from_vda = self.pump.moved
        return self.record

    def learn(self, code: CloseCode) -> None:
        """Note why it is about to end, as its connector says."""
        self._code = self._code or code

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ended(self, ended: Ended) -> None:
        self._cancel()
        self.record.from_client, self.record.from_vda = ended.from_left, ended.from_right
        code = self._code or _code(ended)
        if isinstance(self._client, WebSocket):
            code = self._client.part(code)
        self._owner.leave(self, code, ended.detail)


def _code(ended: Ended) -> CloseCode:
    """Whose doing it was, as far as this POP can see: behind a connector's clean end stands the VDA."""
    if ended.manner == "idle":
        return CloseCode.CLIENT_IDLE
    if ended.manner == "finished":
        return CloseCode.CLIENT_CLOSED if ended.side == "left" else CloseCode.VDA_CLOSED
    return CloseCode.CLIENT_LOST if ended.side == "left" else CloseCode.CONNECTOR_LOST


class Sessions:
    """All sessions of this POP, and the records of the last that ended."""

    def __init__(
        self,
        counts: SessionCounts,
        counters: Counters,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        pop: str = "",
    ) -> None:
        self.loop, self._clock, self._pop = loop, clock, pop
        self.buffer = scratch()
        self._counts, self._counters = counts, counters
        self._live: set[Session] = set()
        self._ended: deque[Record] = deque(maxlen=KEPT)
        self._forbidden: dict[str, CloseCode] = {}
        self.emptied = asyncio.Event()
        self.on_carry: Callable[[Record, Channel], None] = lambda _record, _client: None
        """Called with each wire that is carried from now on, and its client's channel."""

    def __len__(self) -> int:
        return len(self._live)

    def enter(self, record: Record) -> Session:
        """Count a session whose ticket was good; it must be ended or `leave`."""
        record.pop = self._pop
        session = Session(self, record)
        self._counts.enter(record.tenant, record.user, record.session)
        self._live.add(session)
        return session

    def leave(self, session: Session, code: CloseCode, detail: str = "") -> None:
        """Close a session's record."""
        record = session.record
        record.ended, record.code, record.detail = self._clock(), str(code), detail[:200]
        self._live.discard(session)
        self._counts.leave(record.tenant, record.user, record.session)
        self._ended.append(record)
        self._counters.add("sessions_ended", str(code))
        self._counters.add("bytes", "from_client", record.from_client)
        self._counters.add("bytes", "from_vda", record.from_vda)
        if not self._live:
            self.emptied.set()

    def end(self, session: str, code: CloseCode) -> int:
        """End a session and let it not come back; return how many wires there were."""
        self._forbidden[session] = code
        if len(self._forbidden) > FORBIDDEN:
            del self._forbidden[next(iter(self._forbidden))]
        wires = [wire for wire in self._live if wire.record.session == session]
        for wire in wires:
            wire.end(code)
        return len(wires)

    def end_of(self, connector: str, code: CloseCode) -> int:
        """Cut every wire that a connector carries; return how many there were."""
        wires = [wire for wire in self._live if wire.record.connector == connector]
        for wire in wires:
            wire.cut(code)
        return len(wires)

    def why_forbidden(self, session: str) -> CloseCode | None:
        """Return why a session may not come back, None if it may."""
        return self._forbidden.get(session)

    def ended_at(self, connector: str, session: str, code: CloseCode) -> None:
        """Note why a session ended, as the connector that carried it says, maybe after its wire has closed.

        A connector speaks for its own sessions only.
        """
        for wire in self._live:
            if wire.record.session == session and wire.record.connector == connector:
                wire.learn(code)
        for record in reversed(self._ended):
            if record.ended is None or self._clock() - record.ended > ENDING_SECONDS:
                break
            if record.session == session and record.connector == connector and record.code in INFERRED:
                record.code = str(code)

    def end_all(self, code: CloseCode) -> int:
        """Cut everything; return how many there were."""
        wires = list(self._live)
        for wire in wires:
            wire.cut(code)
        return len(wires)

    def trace(self, session: str) -> list[Record]:
        """Return the records of a session's wires, ended ones first."""
        ended = [record for record in self._ended if record.session == session]
        return ended + [wire.current() for wire in self._live if wire.record.session == session]

    def recent(self, most: int) -> list[Record]:
        """Return the newest records: those running, and those that ended last."""
        running = sorted((wire.current() for wire in self._live), key=lambda record: record.started)
        return (list(self._ended) + running)[-most:]

    def held_bytes(self) -> int:
        """Bytes in memory that blocked readers have not taken."""
        return sum(session.held for session in self._live)
