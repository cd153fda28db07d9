"""What a client with the resumable stream and the POP say to each other before the stream begins.

Client: `RSP1`, a u16 length and a JSON object with a ticket (first wire) or a routing token (every later
one). POP: a u16 length and a JSON object, either `Accepted` or a close code. From there the POP passes bytes
on blindly.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from gateway.protocol.codes import CloseCode, from_name
from gateway.protocol.control import is_session
from gateway.protocol.errors import ProtocolError
from gateway.protocol.sniff import PREAMBLE_BYTES, RSP_MAGIC

ALPN = "hdx-rsp/1"
MOST_ALTERNATES = 16
CAUSES = ("lost", "silent", "drain")
"""Why a client brings a later wire: the one before broke, it fell silent, its POP asked it to move."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """Exactly one of `ticket` and `token` is set; `epoch` counts the session's wires from 1.

    `connector` is the one that `Accepted` named: a hint, proved only by the resume secret. `cause` is one of
    `CAUSES`, or empty: for whoever looks at the trace.
    """

    epoch: int
    ticket: str = ""
    token: str = ""
    connector: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Alternate:
    """Another POP that can carry the session: the name its certificate holds, and where to dial."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The POP joined client and connector. `token` lets any POP do it again; zero seconds mean no limit."""

    session: str
    token: str
    connector: str
    alternates: tuple[Alternate, ...] = ()
    idle_seconds: int = 0


def encode_hello(hello: ClientHello) -> bytes:
    """Return the client's preamble."""
    return RSP_MAGIC + _frame(asdict(hello))


def parse_hello(data: bytes) -> tuple[ClientHello, int] | None:
    """Return the hello and its size; None while it is short; raises `ProtocolError(client_protocol)`."""
    if data[:4] != RSP_MAGIC[: len(data)]:
        raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "not RSP1")
    body = _body(data, len(RSP_MAGIC), CloseCode.CLIENT_PROTOCOL)
    if body is None:
        return None
    fields, size = body
    epoch, cause = fields.get("epoch"), _text(fields, "cause")
    hello = ClientHello(
        epoch=epoch if type(epoch) is int and 0 < epoch < 1 << 32 else 0,
        **{name: _text(fields, name) for name in ("ticket", "token", "connector")},
        cause=cause if cause in CAUSES else "",
    )
    if not hello.epoch or bool(hello.ticket) == bool(hello.token):
        raise ProtocolError(CloseCode.CLIENT_PROTOCOL, "hello: epoch, and a ticket or a token")
    return hello, size


def encode_answer(answer: Accepted | CloseCode) -> bytes:
    """Return the POP's answer: yes, or why not. Alternates that find no room are left out, the last first."""
    if isinstance(answer, CloseCode):
        return _frame({"code": str(answer), "text": answer.text})
    try:
        return _frame({"ok": True, **asdict(answer)})
    except ProtocolError:
        if not answer.alternates:
            raise
        return encode_answer(replace(answer, alternates=answer.alternates[:-1]))


def parse_answer(data: bytes) -> tuple[Accepted, int] | None:
    """Return the answer and its size.

    None while it is short; a no is raised as `ProtocolError` with its code.
    """
    body = _body(data, 0, CloseCode.POP_OTHER)
    if body is None:
        return None
    fields, size = body
    if fields.get("ok") is not True:
        raise ProtocolError(from_name(_text(fields, "code")), _text(fields, "text"))
    alternates, idle = fields.get("alternates"), fields.get("idle_seconds")
    if type(idle) is not int or not is_session(_text(fields, "session")):
        raise ProtocolError(CloseCode.POP_OTHER, "answer: idle_seconds or session")
    return Accepted(
        session=_text(fields, "session"),
        token=_text(fields, "token"),
        connector=_text(fields, "connector"),
        alternates=parse_alternates(alternates)[:MOST_ALTERNATES],
        idle_seconds=idle,
    ), size


def parse_alternates(items: object) -> tuple[Alternate, ...]:
    """Return what a list of `{name, address, port}` names. Raises `ProtocolError(pop_other)`."""
    if not isinstance(items, list):
        raise ProtocolError(CloseCode.POP_OTHER, "alternates: expected a list")
    return tuple(_alternate(item) for item in items)


def _frame(fields: dict[str, object]) -> bytes:
    body = json.dumps(fields, separators=(",", ":")).encode()
    if len(body) > PREAMBLE_BYTES - 6:
        raise ProtocolError(CloseCode.POP_INTERNAL, "hello too long")
    return len(body).to_bytes(2, "big") + body


def _body(data: bytes, start: int, blame: CloseCode) -> tuple[dict[str, object], int] | None:
    if len(data) < start + 2:
        return None
    size = start + 2 + int.from_bytes(data[start : start + 2], "big")
    if size > PREAMBLE_BYTES:
        raise ProtocolError(blame, "hello too long")
    if len(data) < size:
        return None
    try:
        fields = json.loads(data[start + 2 : size].decode())
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ProtocolError(blame, "hello is not a JSON object")
    return fields, size


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _alternate(item: object) -> Alternate:
    fields = item if isinstance(item, dict) else {}
    port = fields.get("port")
    if type(port) is not int or not 0 < port < 65536 or not _text(fields, "address"):
        raise ProtocolError(CloseCode.POP_OTHER, "answer: alternate without address and port")
    return Alternate(_text(fields, "name"), _text(fields, "address"), port)
