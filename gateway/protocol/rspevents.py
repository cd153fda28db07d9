"""What a resumable stream's endpoint tells its program."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.protocol.codes import CloseCode
from gateway.protocol.rspframe import Notice


@dataclass(frozen=True, slots=True)
class Resumed:
    """The wire of this epoch carries the stream now; `replayed` bytes go out a second time."""

    epoch: int
    replayed: int


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes of the stream.

    A view of what was given to `receive`. Call `consumed` when they are passed on.
    """

    payload: memoryview


@dataclass(frozen=True, slots=True)
class Finished:
    """The peer sends no more; ours can go on."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The session is over at once, both ways. `by_peer` is false when it is the peer that broke the rules."""

    code: CloseCode
    text: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class WireRefused:
    """This wire proved nothing: close it. The session waits for another."""

    code: CloseCode
    text: str


@dataclass(frozen=True, slots=True)
class Ponged:
    """The answer to `ping(token)`."""

    token: int


Event = Resumed | Data | Finished | Reset | WireRefused | Ponged | Notice
