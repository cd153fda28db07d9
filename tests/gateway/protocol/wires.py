"""Two endpoints of the resumable stream and the wires between them, for the tests of `rsp.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.protocol import rspframe as frames
from gateway.protocol.budget import Budget
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Data, Event, Finished

SESSION = "0123456789abcdef0123456789abcdef"


@dataclass
class End:
    """An endpoint with the application behind it: what that sent, what it got."""

    endpoint: Endpoint
    sent: bytearray = field(default_factory=bytearray, repr=False)
    got: bytearray = field(default_factory=bytearray, repr=False)
    events: list[Event] = field(default_factory=list)
    finished: int = 0

    def send(self, data: bytes) -> int:
        data = data[: self.endpoint.room]
        self.endpoint.send(data)
        self.sent += data
        return len(data)

    def receive(self, data: bytes, epoch: int | None = None) -> None:
        self.take_events(self.endpoint.receive(data, epoch))

    def take_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Data):
                assert not self.finished
                self.got += event.payload
            else:
                self.events.append(event)
                self.finished += isinstance(event, Finished)

    def consume(self, most: int = 1 << 62) -> None:
        self.endpoint.consumed(min(most, self.endpoint.unconsumed))


@dataclass
class Wire:
    """What is under way each way: index 0 from the client, 1 from the connector."""

    epoch: int
    pipes: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))


def ends(client: Budget | None = None, connector: Budget | None = None) -> tuple[End, End]:
    return (
        End(Endpoint(SESSION, is_initiator=True, budget=client or Budget())),
        End(Endpoint(SESSION, is_initiator=False, budget=connector or Budget())),
    )


def connect(pair: tuple[End, End], epoch: int) -> None:
    for end in pair:
        end.endpoint.connected(epoch)


def step(pair: tuple[End, End], *, consume: bool = True) -> int:
    """Carry what both ends have to say once; return how many bytes that was."""
    moved = 0
    for sender, receiver in (pair, pair[::-1]):
        data = sender.endpoint.take()
        moved += len(data)
        receiver.receive(data)
        if consume:
            receiver.consume()
            receiver.endpoint.flush()
    return moved


def settle(pair: tuple[End, End], *, consume: bool = True) -> None:
    while step(pair, consume=consume):
        pass


def joined(epoch: int = 1) -> tuple[End, End]:
    pair = ends()
    connect(pair, epoch)
    settle(pair)
    return pair


def kinds(data: bytes) -> list[int]:
    found, at = [], 0
    while at < len(data):
        kind, size = frames.HEADER.unpack_from(data, at)
        found.append(kind)
        at += size + (frames.DATA_HEADER.size if kind == frames.DATA else frames.HEADER.size)
    return found
