"""Trying several paths at once."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from gateway.channel import Channel
from gateway.errors import Lost, Unreachable
from gateway.launch.paths import Path
from gateway.launch.race import first_of
from gateway.launch.wire import Wire
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import Accepted

A, B, C = (Path("gw.example", name, 443) for name in "abc")


class Closing:
    """Stands for a channel: only its being closed matters here."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Network:
    """Opens a path when it is told to, or fails it."""

    def __init__(self) -> None:
        self.asked: list[Path] = []
        self.alone: list[bool] = []
        self.opened: dict[Path, Closing] = {}
        self.may: dict[Path, asyncio.Event] = {path: asyncio.Event() for path in (A, B, C)}
        self.faults: dict[Path, Exception] = {}

    async def open(self, path: Path, is_alone: bool) -> Wire:
        self.asked.append(path)
        self.alone.append(is_alone)
        if path in self.faults:
            raise self.faults[path]
        await self.may[path].wait()
        self.opened[path] = Closing()
        return Wire(path, 1, cast("Channel", self.opened[path]), Accepted("s", "t", "c"), b"")


def test_a_failed_path_is_followed_at_once() -> None:
    """No waiting for the stagger when the first path is known to be dead."""

    async def story() -> None:
        network = Network()
        network.faults[A] = Lost("dead")
        network.may[B].set()
        wire = await first_of(network.open, [A, B, C], stagger_seconds=60)
        assert (wire.path, network.asked, network.alone) == (B, [A, B], [True, True])

    asyncio.run(story())


def test_a_silent_path_gets_a_rival_and_the_loser_is_closed() -> None:
    """Whoever answers first is taken; another that answers too is closed."""

    async def story() -> None:
        network = Network()
        for path in (A, B):
            asyncio.get_running_loop().call_later(0.05, network.may[path].set)
        wire = await first_of(network.open, [A, B], stagger_seconds=0.01)
        (loser,) = {A, B} - {wire.path}
        assert (network.asked, network.alone) == ([A, B], [True, False])
        assert network.opened[loser].is_closed
        assert not network.opened[wire.path].is_closed

    asyncio.run(story())


def test_the_last_fault_is_told() -> None:
    """All paths failed: the refusal of a POP, or that no path is known."""

    async def story() -> None:
        network = Network()
        network.faults = {A: Lost("dead"), B: ProtocolError(CloseCode.CONNECTOR_NONE)}
        with pytest.raises(ProtocolError):
            await first_of(network.open, [A, B])
        with pytest.raises(Unreachable):
            await first_of(network.open, [])

    asyncio.run(story())
