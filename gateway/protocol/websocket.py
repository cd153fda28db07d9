"""WebSocket (RFC 6455) for browsers, the POP's side: the upgrade, then binary frames that are a byte stream.

Knows where the ticket stands (a browser can set nothing but the URL, which ends in logs, and subprotocols),
whose pages may come, and how a close code is told. Keeps no message: payload goes on as it comes, in whatever
frames. Needs the head of the request whole; what came behind it belongs to `Frames`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Request, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError

PATH: Final = "/hdx/v1"
PLAIN: Final = "hdx-plain.v1"
"""The subprotocol: what follows is the session's bytes. The other one offered is the ticket."""
FRAME_BYTES: Final = 65_536
"""Most payload of one frame that we send."""
CODE_BASE: Final = 4000
"""A close code travels as this and its number, in the range for private use (RFC 6455, 7.4.2)."""
_END: Final = b"\r\n\r\n"
_PHRASES: Final = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required"}


class NoUpgrade(ProtocolError):
    """The request is refused before the upgrade; `answer` is the HTTP response."""

    def __init__(self, code: CloseCode, status: int, text: str = "") -> None:
        super().__init__(code, text)
        version = "Sec-WebSocket-Version: 13\r\n" if status == 426 else ""
        head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n{version}"
        self.answer = f"{head}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Origins:
    """Whose pages may open sessions: those of `allowed` (`https://HOST[:PORT]`); if empty, those of `names`.

    A program that is no browser sends no Origin: its ticket is what counts.
    """

    allowed: Collection[str] = ()
    names: Collection[str] = ()

    def admit(self, origin: str) -> bool:
        """Whether a page of this origin (RFC 6454, 6.2; "" for none) may."""
        if not origin or origin in self.allowed:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return not self.allowed and parts.scheme == "https" and parts.hostname in self.names


class Upgrade:
    """One request to upgrade. Raises `NoUpgrade` for a broken one, another path, a foreign page."""

    def __init__(self, head: bytes, origins: Origins) -> None:
        self._handshake = H11Handshake(ConnectionType.SERVER)
        request, end, self._behind = head.partition(_END)
        asked = self._read(request + end)
        if asked.target.partition("?")[0] != PATH:
            raise NoUpgrade(CloseCode.POP_NOT_FOUND, 404)
        values = [value for name, value in asked.extra_headers if name == b"origin"]
        if not all(origins.admit(value.decode("latin-1")) for value in values):
            raise NoUpgrade(CloseCode.CLIENT_ORIGIN, 403)
        if PLAIN not in asked.subprotocols:
            raise NoUpgrade(CloseCode.CLIENT_PROTOCOL, 400, f"the subprotocol {PLAIN} was not offered")
        self.ticket: str = next((offered for offered in asked.subprotocols if offered != PLAIN), "")

    def _read(self, head: bytes) -> Request:
        try:
            self._handshake.receive_data(head)
            event = next(self._handshake.events(), None)
        except RemoteProtocolError as error:
            hint = getattr(error.event_hint, "status_code", 400)
            raise NoUpgrade(CloseCode.CLIENT_PROTOCOL, 426 if hint == 426 else 400, str(error)) from error
        except UnicodeError as error:
            raise NoUpgrade(CloseCode.CLIENT_PROTOCOL, 400, "a header is not ASCII") from error
        if not isinstance(event, Request):
            raise NoUpgrade(CloseCode.CLIENT_PROTOCOL, 400, "no whole request")
        if any(name in (b"content-length", b"transfer-encoding") for name, _ in event.extra_headers):
            raise NoUpgrade(CloseCode.CLIENT_PROTOCOL, 400, "a body")
        return event

    def accept(self) -> tuple[bytes, Frames, bytes]:
        """Return the answer, the frames that follow, and the payload that came already."""
        answer = self._handshake.send(AcceptConnection(subprotocol=PLAIN))
        frames = Frames()
        return answer, frames, frames.receive(self._behind)


class Frames:
    """Both directions after the upgrade. What it has to say between data frames is `take`n and sent."""

    def __init__(self) -> None:
        self._connection = Connection(ConnectionType.SERVER)
        self._pong = self._close = b""
        self.fault = ""
        """How the client broke the protocol."""

    @property
    def is_ended(self) -> bool:
        """Whether the client has sent its close frame: it sends nothing more."""
        return self._connection.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED)

    @property
    def is_closing(self) -> bool:
        """Whether a close frame went either way: data may not follow ours, and is not read after theirs."""
        return self._connection.state is not ConnectionState.OPEN

    def receive(self, data: bytes) -> bytes:
        """Return the payload in `data`; never longer than that. After a fault there is none."""
        if self.fault or self.is_ended or not data:
            return b""
        self._connection.receive_data(data)
        return b"".join(self._payload_of(event) for event in self._connection.events())

    def _payload_of(self, event: Event) -> bytes:
        if self.fault:
            return b""
        if isinstance(event, BytesMessage):
            return bytes(event.data)
        if isinstance(event, Ping):  # of several only the last is answered (RFC 6455, 5.5.3)
            self._pong = b"" if self.is_closing else self._connection.send(event.response())
        elif isinstance(event, TextMessage):
            self._fail(CloseReason.UNSUPPORTED_DATA, "a text message")
        elif isinstance(event, CloseConnection) and not self.is_ended:
            self._fail(event.code, str(event.reason))  # the library's way to tell of a broken frame
        elif isinstance(event, CloseConnection) and self._connection.state is ConnectionState.REMOTE_CLOSING:
            self._close = self._connection.send(event.response())
        return b""

    def _fail(self, code: int, text: str) -> None:
        self.fault = text
        self._say_close(code, text)

    def data(self, payload: bytes | memoryview) -> bytes:
        """Return one frame of at most `FRAME_BYTES` of payload."""
        return self._connection.send(BytesMessage(data=bytes(payload)))

    def close(self, code: CloseCode) -> None:
        """Have the close frame sent, unless one went already."""
        self._say_close(CODE_BASE + code.number, f"{code}: {code.text}")

    def _say_close(self, code: int, reason: str) -> None:
        if not self.is_closing:
            self._close = self._connection.send(CloseConnection(code=code, reason=reason))

    def take(self) -> bytes:
        """Return and forget what is to be sent before any more data: a pong, a close frame."""
        out, self._pong, self._close = self._pong + self._close, b"", b""
        return out
