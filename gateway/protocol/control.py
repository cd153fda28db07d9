"""Frames of the control channels: connector <-> POP and POP <-> broker, all over mutual TLS.

A frame is a u32 length (big endian, at most 64 KiB) and a JSON object whose `type` names one of the
dataclasses here; bytes travel as hexadecimal, close codes by name. Decoding is strict: an unknown type, an
unknown, missing or mistyped field is the peer's error. Does not know who may send what when.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass

from gateway.protocol.codes import CloseCode, from_name
from gateway.protocol.errors import ProtocolError

ALPN = "hdx-ctl/1"
REACH_ALPN = "hdx-rch/1"
"""Of the wire that begins with a `Reach` and goes on with the target's bytes."""
VERSION = 1
FRAME_BYTES = 65536
MOST_TEXT = 4096
MOST_ITEMS = 64
NONCE_BYTES = 16
KEY_BYTES = 32
SESSION_BYTES = 16
MODES = ("plain", "rsp")


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame of the side that dialled: `role` is `connector` or `pop`, `id` must be its certificate's.

    A connector says its Resource Location, its sessions, its capacity and the version of its `software`; a
    POP says the addresses ("host:port") at which connectors reach it.
    """

    role: str
    id: str
    version: int = VERSION
    location: str = ""
    addresses: tuple[str, ...] = ()
    sessions: int = 0
    capacity: int = 0
    software: str = ""

    def __post_init__(self) -> None:
        _require(self.role in {"connector", "pop"}, "role")
        _require(bool(self.id), "id")


@dataclass(frozen=True, slots=True)
class Welcome:
    """First frame of the side that accepted: who it is, and how often it wants a `Ping` or a `Load`."""

    id: str
    ping_seconds: int = 5


@dataclass(frozen=True, slots=True)
class Open:
    """Dial the POP at one of `pop` within `deadline_ms` and present `nonce`, proved with `key`; reach
    `host`:`port`.

    `session` is 32 hexadecimal characters. `epoch` counts the wires of a session from 1; `resume` says that
    the connector must hold the session already. `mode` is `plain` or `rsp`. `connector` is empty until one
    is chosen: a POP that sends it to the broker may leave the choice to it. Zero seconds mean no limit.
    """

    nonce: bytes
    key: bytes
    session: str
    location: str
    host: str
    port: int
    pop: tuple[str, ...]
    pop_name: str
    deadline_ms: int
    mode: str = "plain"
    epoch: int = 1
    resume: bool = False
    connector: str = ""
    idle_seconds: int = 0
    max_seconds: int = 0

    def __post_init__(self) -> None:
        _require(len(self.nonce) == NONCE_BYTES, "nonce")
        _require(len(self.key) == KEY_BYTES, "key")
        _require(is_session(self.session), "session")
        _require(0 < self.port < 65536, "port")
        _require(self.mode in MODES, "mode")
        _require(0 < self.epoch < 1 << 32, "epoch")
        _require(bool(self.pop), "pop")
        _require(bool(self.host), "host")


@dataclass(frozen=True, slots=True)
class Opened:
    """The target answered and the data channel is up.

    `vda_ms` is how long the VDA took, `pop_ms` the POP's dial.
    """

    nonce: bytes
    vda_ms: int = 0
    pop_ms: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """An `Open` will not be served."""

    nonce: bytes
    code: CloseCode
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """An `Open` is not wanted any more: another connector was faster or the client left."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """How many sessions a connector or POP carries, of how many; `draining` ones are given no new session.

    Of a connector's health: `cpu_percent` is its load average per CPU, `failed` its failed opens of the last
    minute.
    """

    sessions: int
    capacity: int
    draining: bool = False
    cpu_percent: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there? The token is the asker's business."""

    token: int


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to the `Ping` of the same token."""

    token: int


@dataclass(frozen=True, slots=True)
class Drain:
    """The sender leaves: give it nothing new, and move what it carries within `seconds`."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Announce:
    """POP to broker: the connector has a control channel here (sent again when its load changes).

    `hosts` are the names of the one VDA that it is the agent of, as its certificate says. The rest is what
    its `Hello` and its last `Load` said.
    """

    connector: str
    location: str
    sessions: int = 0
    capacity: int = 0
    draining: bool = False
    hosts: tuple[str, ...] = ()
    software: str = ""
    cpu_percent: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Withdraw:
    """POP to broker: the connector's control channel here is gone.

    Broker to POP: the connector was revoked; end its channel and its sessions.
    """

    connector: str


@dataclass(frozen=True, slots=True)
class End:
    """Broker to POP, POP to connector: end the session now. Connector to POP: it has ended. Why, says `code`.

    `location` is where it lives: nobody else's connectors need to hear of it.
    """

    session: str
    code: CloseCode
    location: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Broker to POP, first and only frame of a wire of its own: join it to `host`:`port` of a location.

    Answered by `Opened` or `Refused` whose nonce is the session's 16 bytes; then the target's bytes follow.
    """

    session: str
    tenant: str
    location: str
    host: str
    port: int
    idle_seconds: int = 0
    max_seconds: int = 0

    def __post_init__(self) -> None:
        _require(is_session(self.session), "session")
        _require(0 < self.port < 65536, "port")
        _require(bool(self.host), "host")
        _require(bool(self.location), "location")

    @property
    def nonce(self) -> bytes:
        """What the answer names."""
        return bytes.fromhex(self.session)


Frame = (
    Hello
    | Welcome
    | Open
    | Opened
    | Refused
    | Cancel
    | Load
    | Ping
    | Pong
    | Drain
    | Announce
    | Withdraw
    | End
    | Reach
)
_TYPES: dict[str, type[Frame]] = {kind.__name__.lower(): kind for kind in typing.get_args(Frame)}
_HINTS: dict[type[Frame], dict[str, object]] = {
    kind: dict(typing.get_type_hints(kind)) for kind in _TYPES.values()
}
_REQUIRED = {
    kind: {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    for kind in _TYPES.values()
}


def is_session(text: str) -> bool:
    """Whether the text is a session id: 32 lower-case hexadecimal characters."""
    return len(text) == 2 * SESSION_BYTES and not text.strip("0123456789abcdef")


def encode(frame: Frame) -> bytes:
    """Return the frame with its length before it."""
    fields = {name: _plain(getattr(frame, name)) for name in _HINTS[type(frame)]}
    body = json.dumps({"type": type(frame).__name__.lower(), **fields}, separators=(",", ":")).encode()
    if len(body) > FRAME_BYTES:
        raise ProtocolError(CloseCode.POP_INTERNAL, "control frame too long")
    return len(body).to_bytes(4, "big") + body


class FrameReader:
    """Cuts a channel's bytes into frames. `blame` is the code of the errors it raises: the peer's."""

    def __init__(self, blame: CloseCode) -> None:
        self._blame = blame
        self._in = bytearray()

    def receive(self, data: bytes) -> list[Frame]:
        """Feed bytes, give the frames they complete. Raises `ProtocolError`: close the channel then."""
        self._in += data
        frames: list[Frame] = []
        while len(self._in) >= 4:
            size = int.from_bytes(self._in[:4], "big")
            if size > FRAME_BYTES:
                raise ProtocolError(self._blame, f"control frame of {size} bytes")
            if len(self._in) < 4 + size:
                break
            frames.append(self._decode(bytes(self._in[4 : 4 + size])))
            del self._in[: 4 + size]
        return frames

    def _decode(self, body: bytes) -> Frame:
        try:
            return decode(body)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(self._blame, f"control frame: {error}") from None


def decode(body: bytes) -> Frame:
    """Return the frame of one JSON object; raises `ValueError` that names the field at fault."""
    fields = json.loads(body.decode())
    _require(isinstance(fields, dict), "object")
    kind = _TYPES.get(str(fields.pop("type", None)))
    if kind is None:
        raise ValueError("type")
    hints = _HINTS[kind]
    _require(fields.keys() <= hints.keys(), "unknown field")
    _require(_REQUIRED[kind] <= fields.keys(), "missing field")
    build = typing.cast("typing.Callable[..., Frame]", kind)
    return build(**{name: _value(name, hints[name], value) for name, value in fields.items()})


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise ValueError(name)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, CloseCode) else value


def _value(name: str, hint: object, value: object) -> object:
    if hint is bool or hint is int:
        _require(type(value) is hint and 0 <= value < 1 << 63, name)
        return value
    if isinstance(hint, types.GenericAlias):
        _require(isinstance(value, list) and len(value) <= MOST_ITEMS, name)
        return tuple(_text(name, item) for item in typing.cast("list[object]", value))
    text = _text(name, value)
    if hint is bytes:
        return bytes.fromhex(text)
    return from_name(text) if hint is CloseCode else text


def _text(name: str, value: object) -> str:
    _require(isinstance(value, str) and len(value) <= MOST_TEXT, name)
    return typing.cast("str", value)
