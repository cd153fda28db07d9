"""The resumable stream: one endpoint of a byte stream that outlives the wires that carry it.

A wire is any ordered pair of byte pipes; each has an epoch, higher ones win. The life of a wire, for one
endpoint:

    down ──connected──▶ greeting ──peer's RESUME, proved──▶ open ──lost, or adopted another──▶ down

Laws. The first frame each way is RESUME, and nothing else leaves before the peer's has come: it says where
to go on. Every DATA frame carries its offset: an overlap is trimmed, a gap ends the session. A byte is kept
until the peer has acknowledged it; back-pressure stops reading, nothing is ever discarded. Only one wire is
current: what an older one still delivers is ignored. Time is the program's: it calls `flush` some 100 ms
after `wants_flush`, `ping` when it likes.
"""

from __future__ import annotations

from collections import deque

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.protocol import rspframe as frames
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import Misuse, ProtocolError
from gateway.protocol.intake import Intake
from gateway.protocol.retention import Retention
from gateway.protocol.rspevents import Data, Event, Finished, Ponged, Reset, Resumed, WireRefused
from gateway.protocol.rspframe import Notice, Resume
from gateway.protocol.secret import ACCEPTOR, INITIATOR, ResumeSecret

TAKE_BYTES = 256 * 1024
MOST_QUEUED = 32
"""Most pings and notices that wait to be written; older ones give way."""


class Endpoint:
    """One end of one session; `session` is its id (32 hexadecimal characters), the client is the initiator.

    The program gives what it read from a wire to `receive` and writes what `take` returns; it gives what it
    read from its application to `send`, at most `room` bytes, and reports by `consumed` what that
    application has accepted.
    """

    def __init__(
        self, session: str, *, is_initiator: bool, budget: Budget, private: X25519PrivateKey | None = None
    ) -> None:
        self._session = bytes.fromhex(session)
        self._is_initiator = is_initiator
        self._blame = CloseCode.CONNECTOR_PROTOCOL if is_initiator else CloseCode.CLIENT_PROTOCOL
        self._secret = ResumeSecret(INITIATOR if is_initiator else ACCEPTOR, self._session, private)
        self._out = Retention(budget)
        self._in = Intake(budget)
        self._offers: dict[int, bool] = {}
        self._queue: deque[bytes] = deque(maxlen=MOST_QUEUED)
        self._head = bytearray()  # a frame, or a DATA header, that is not complete yet
        self._resume = self._reset = self._pong = b""
        self._data_left = self._data_offset = 0
        self._fin_written = self._reset_written = False
        self._blocked_at = -1
        self.epoch = 0
        self.is_up = False
        self.is_open = False
        self.closed: CloseCode | None = None

    # --- the application's side ---

    @property
    def room(self) -> int:
        """How many bytes `send` takes now; 0 means: stop reading the application."""
        return 0 if self.closed or self._out.is_finished else self._out.room

    @property
    def outstanding(self) -> int:
        """Bytes sent or waiting that the peer has not acknowledged."""
        return self._out.end - self._out.acked

    @property
    def unsent(self) -> int:
        """Bytes that wait to be written to this wire, or the next."""
        return self._out.end - self._out.sent

    @property
    def unconsumed(self) -> int:
        """Bytes given out as `Data` that were not reported by `consumed`."""
        return self._in.received - self._in.consumed

    @property
    def wants_flush(self) -> bool:
        """Whether an acknowledgement is held back: call `flush` within 100 ms and write what `take` gives."""
        return self.is_open and self._in.has_news and not self._in.is_ack_due

    @property
    def is_complete(self) -> bool:
        """Whether both directions ended, everything was consumed and both sides know: the session can be
        forgotten.

        The initiator then closes the wire; the acceptor waits for that, because its last word could be lost.
        """
        return self._out.fin_acked and self._in.is_fin_announced

    def send(self, data: bytes | memoryview) -> None:
        """Append to the stream; `bytes` are kept, a view is copied. Raises `Misuse` beyond `room`."""
        if self.closed is None:
            self._out.add(bytes(data))

    def finish(self) -> None:
        """End our direction; the peer's goes on."""
        self._out.is_finished = True

    def consumed(self, size: int) -> None:
        """The application accepted that many more bytes of `Data`."""
        if size > self.unconsumed:
            raise Misuse(f"consumed {size} bytes of {self.unconsumed}")
        self._in.consume(size)

    def flush(self) -> None:
        """Let the next `take` acknowledge what was consumed, little as it is."""
        self._in.is_ack_due |= self._in.has_news

    def ping(self, token: int) -> None:
        """Ask the peer for a `Ponged` of the same token (u64)."""
        self._queue.append(frames.frame(frames.PING, frames.OFFSET.pack(token)))

    def notify(self, notice: Notice) -> None:
        """Tell the peer's program something; it is lost if the wire is."""
        self._queue.append(frames.encode_notice(notice))

    def abort(self, code: CloseCode, text: str = "") -> None:
        """End the session both ways; `take` then gives the last words, on this wire or the next."""
        if self.closed is None:
            self._reset = frames.encode_reset(code, text)
            self._close(code)

    def release(self) -> None:
        """Give all memory back: the session is forgotten."""
        self._out.clear()
        self._in.release()

    # --- wires ---

    def connected(self, epoch: int) -> None:
        """Make a new wire the current one; the first thing it carries is a RESUME each way."""
        if epoch <= self.epoch:
            raise Misuse(f"epoch {epoch} after {self.epoch}")
        self._begin(epoch)
        if self._is_initiator:
            self._resume = self.offer(epoch)

    def offer(self, epoch: int) -> bytes:
        """Return the RESUME for a second wire that is tried while the current one goes on.

        Then `adopt` its answer.
        """
        self._offers[epoch] = self._secret.is_agreed
        return self._encode_resume(epoch, self._secret.is_agreed)

    def has_greeting(self, data: bytes) -> bool:
        """Whether a second wire delivered its first frame; raises `ProtocolError` when it is a wrong one."""
        if len(data) < frames.HEADER.size:
            return False
        kind, size = frames.HEADER.unpack_from(data)
        self._check_first(kind, size)
        return len(data) >= frames.HEADER.size + int(size)

    def adopt(self, data: bytes, epoch: int) -> list[Event]:
        """Make a second wire the current one, given all it delivered so far (`has_greeting(data)` is true).

        Raises `ProtocolError` when it proves nothing; the current wire and the session are then untouched.
        """
        if data[0] != frames.RESUME:
            size = frames.HEADER.unpack_from(data)[1]
            raise ProtocolError(*frames.parse_reset(data[frames.HEADER.size :][:size]))
        resume = frames.parse_resume(data[frames.HEADER.size : frames.GREETING_BYTES])
        if epoch <= self.epoch:
            raise ProtocolError(CloseCode.CLIENT_RESUME_REFUSED, f"epoch {epoch} after {self.epoch}")
        self._check(resume, epoch)
        self._begin(epoch)
        return self.receive(data)

    def lost(self, epoch: int | None = None) -> None:
        """The wire of that epoch (or the current one) is gone; everything waits for the next."""
        if epoch in (None, self.epoch):
            self.is_up = self.is_open = False

    def take(self, most: int = TAKE_BYTES, epoch: int | None = None) -> bytes:
        """Return bytes to write to the wire of that epoch (or the current one), some `most` of them, or none.

        Call it only when what it gave before is written: acknowledgements are then fresh, nothing piles up.
        """
        return b"".join(self.take_parts(most, epoch))

    def take_parts(
        self, most: int = TAKE_BYTES, epoch: int | None = None
    ) -> list[bytes | bytearray | memoryview]:
        """Return what `take` does in parts as they lie, payload not copied; no part changes afterwards."""
        if not self.is_up or epoch not in (None, self.epoch):
            return []
        parts: list[bytes | bytearray | memoryview] = []
        if self._resume:
            parts.append(self._resume)
            self._resume = b""
        if self.closed is not None:
            if not self._reset_written:
                parts.append(self._reset)
            self._reset_written = True
        elif self.is_open:
            self._take_control(parts)
            self._take_data(parts, most)
        return parts

    def receive(self, data: bytes | memoryview, epoch: int | None = None) -> list[Event]:
        """Feed bytes of the wire of that epoch (or the current one); those of an older wire are ignored.

        The views in `Data` alias `data`: it must not change. What breaks the rules becomes `WireRefused`
        before the peer has proved itself, and ends the session (`Reset`) after.
        """
        events: list[Event] = []
        if not self.is_up or epoch not in (None, self.epoch):
            return events
        try:
            self._parse(memoryview(data), events)
        except ProtocolError as error:
            self.lost()
            events.append(WireRefused(error.code, error.text))
        except ValueError as error:
            self.abort(self._blame, str(error))
            events.append(Reset(self._blame, str(error), by_peer=False))
        return events

    # --- writing ---

    def _take_control(self, parts: list[bytes | bytearray | memoryview]) -> None:
        if self._pong:
            parts.append(self._pong)
            self._pong = b""
        if self._queue:
            parts.extend(self._queue)
            self._queue.clear()
        if self._in.is_ack_due or (self._in.has_news and self._out.can_send):
            parts.append(frames.encode_ack(*self._in.announce()))

    def _take_data(self, parts: list[bytes | bytearray | memoryview], most: int) -> None:
        out = self._out
        while most > 0 and out.can_send:
            offset, chunk = out.next(frames.DATA_BYTES)
            parts.append(frames.DATA_HEADER.pack(frames.DATA, len(chunk), offset))
            parts.append(chunk)
            most -= len(chunk)
        if out.sent >= out.limit > self._blocked_at:
            self._blocked_at = out.limit
            parts.append(frames.frame(frames.WINDOW, frames.OFFSET.pack(out.limit)))
        if out.is_finished and out.sent == out.end and not self._fin_written:
            self._fin_written = True
            parts.append(frames.frame(frames.FIN, frames.OFFSET.pack(out.end)))

    # --- reading ---

    def _parse(self, view: memoryview, events: list[Event]) -> None:
        at, size = 0, len(view)
        while at < size and not (self.is_open and self.closed):
            if self._data_left:
                piece = view[at : at + self._data_left]
                at += len(piece)
                self._deliver(piece, events)
                continue
            if (
                not self._head
                and view[at] == frames.DATA
                and size - at >= frames.DATA_HEADER.size
                and self.is_open
            ):
                self._start_data(*frames.DATA_HEADER.unpack_from(view, at))
                at += frames.DATA_HEADER.size
                continue
            missing = self._frame_size() - len(self._head)
            self._head += view[at : at + missing]
            at += missing
            if len(self._head) == self._frame_size():
                head = bytes(self._head)
                self._head.clear()
                self._act(head, events)

    def _frame_size(self) -> int:
        """How long the frame that begins with `_head` is.

        Of DATA only the header, of an unknown one the least.
        """
        if len(self._head) < frames.HEADER.size:
            return frames.HEADER.size
        kind, size = frames.HEADER.unpack_from(self._head)
        if not self.is_open:
            self._check_first(kind, size)
        if kind == frames.DATA:
            return frames.DATA_HEADER.size
        if not frames.RESUME <= kind <= frames.WINDOW or size > frames.MOST_BYTES:
            raise ValueError(f"frame {kind} of {size} bytes")
        if size != frames.SIZES.get(kind, size):
            raise ValueError(f"frame {kind} of {size} bytes")
        return int(frames.HEADER.size + size)

    def _start_data(self, _: int, size: int, offset: int) -> None:
        if size > frames.DATA_BYTES:
            raise ValueError(f"DATA of {size} bytes")
        self._in.check(offset, size)
        self._data_left, self._data_offset = size, offset
        self._secret.confirmed |= not self._is_initiator

    def _deliver(self, piece: memoryview, events: list[Event]) -> None:
        self._data_left -= len(piece)
        end = self._data_offset + len(piece)
        fresh = piece[max(0, self._in.received - self._data_offset) :]
        self._data_offset = end
        if fresh:
            self._in.received = end
            events.append(Data(fresh))

    def _act(self, frame: bytes, events: list[Event]) -> None:
        kind, payload = frame[0], frame[frames.HEADER.size :]
        if kind == frames.DATA:
            self._start_data(*frames.DATA_HEADER.unpack(frame))
        elif kind == frames.ACK:
            self._out.acknowledge(*frames.parse_ack(payload))
        elif kind == frames.WINDOW:
            self._in.grow(frames.OFFSET.unpack(payload)[0])
        elif kind == frames.FIN:
            if self._in.finish(frames.OFFSET.unpack(payload)[0]):
                events.append(Finished())
        elif kind == frames.PING:
            self._pong = frames.frame(frames.PONG, payload)
        elif kind == frames.PONG:
            events.append(Ponged(frames.OFFSET.unpack(payload)[0]))
        elif kind == frames.NOTICE:
            events.append(frames.parse_notice(payload))
        elif kind == frames.RST:
            code, text = frames.parse_reset(payload)
            self._close(code)
            events.append(Reset(code, text, by_peer=True))
        else:
            self._greeted(frames.parse_resume(payload), events)
        # An initiator sends nothing but RESUME before it has ours, and with it the secret.
        self._secret.confirmed |= not self._is_initiator and kind not in (frames.RESUME, frames.RST)

    # --- greeting ---

    def _greeted(self, resume: Resume, events: list[Event]) -> None:
        if self.is_open:
            raise ValueError("a second RESUME")
        self._check(resume, self.epoch)
        self._open(resume, events)

    def _check_first(self, kind: int, size: int) -> None:
        """Refuse what is no RESUME; only an initiator may be told RST instead: no stranger ends a session."""
        is_reset = kind == frames.RST and self._is_initiator and 2 <= size <= frames.MOST_BYTES
        if (kind, size) != (frames.RESUME, frames.RESUME_BYTES) and not is_reset:
            raise ProtocolError(self._blame, f"frame {kind} of {size} bytes for RESUME")

    def _check(self, resume: Resume, epoch: int) -> None:
        """Refuse a RESUME of another session or wire, or whose sender does not hold the secret."""
        refusal = self._blame if self._is_initiator else CloseCode.CLIENT_RESUME_REFUSED
        if resume.session != self._session or resume.epoch != epoch:
            raise ProtocolError(refusal, "RESUME of another session or epoch")
        if self._is_initiator and self._offers.get(epoch) is not resume.is_keyed:
            raise ProtocolError(refusal, "RESUME proved in another way than ours")
        if resume.is_keyed:
            proved = self._secret.is_proved(resume.fields, resume.proof)
            self._secret.confirmed |= proved
        else:
            proved = self._secret.accept_share(resume.proof)
        if not proved:
            raise ProtocolError(refusal, "RESUME not proved")

    def _open(self, resume: Resume, events: list[Event]) -> None:
        self.is_open = True
        self._offers = {epoch: keyed for epoch, keyed in self._offers.items() if epoch > self.epoch}
        if not self._is_initiator:
            self._resume = self._encode_resume(self.epoch, resume.is_keyed)
        if self.closed is None:
            replayed = self._out.rewind(resume.received, resume.limit, resume.fin_seen)
            events.append(Resumed(self.epoch, replayed))

    def _encode_resume(self, epoch: int, is_keyed: bool) -> bytes:
        state = self._in
        resume = Resume(self._session, epoch, state.received, state.limit, state.fin_seen, is_keyed)
        proof = self._secret.prove(resume.fields) if is_keyed else self._secret.share
        return frames.frame(frames.RESUME, resume.fields + proof)

    def _begin(self, epoch: int) -> None:
        self.epoch = epoch
        self.is_up, self.is_open = True, False
        self._head.clear()
        self._queue.clear()
        self._resume = self._pong = b""
        self._data_left = 0
        self._fin_written = self._reset_written = False
        self._blocked_at = -1

    def _close(self, code: CloseCode) -> None:
        self.closed = self.closed or code
        self.release()
