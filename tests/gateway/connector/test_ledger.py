"""What a connector tells the broker of its sessions, and does with the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from gateway.connector import ledger
from gateway.connector.ledger import Ledger
from gateway.errors import Unreachable
from gateway.protocol.codes import CloseCode


class Broker:
    """Answers what it is told to; notes the bodies it gets, which `is_away` loses."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.answer: dict[str, Any] = {"tokens": {}, "ended": [], "renew_after_seconds": 3600}
        self.is_away = self.is_broken = False

    def ask(self, body: Mapping[str, object]) -> dict[str, Any]:
        if self.is_away:
            raise Unreachable("nobody")
        if self.is_broken:
            raise OSError(28, "No space left on device")
        self.bodies.append(body)
        return self.answer


class Holder:
    """Holds sessions; notes what the ledger did."""

    def __init__(self, *held: str) -> None:
        self.held = held
        self.tokens: dict[str, str] = {}
        self.ended: list[tuple[str, CloseCode]] = []

    def sessions(self) -> tuple[str, ...]:
        return self.held

    def hand_over(self, session: str, token: str) -> None:
        self.tokens[session] = token

    def end(self, session: str, code: CloseCode) -> None:
        self.ended.append((session, code))


def play(holder: Holder, broker: Broker, story: Callable[[Ledger], Awaitable[None]]) -> None:
    async def run() -> None:
        one = Ledger(holder, broker.ask)
        running = asyncio.ensure_future(one.run())
        try:
            async with asyncio.timeout(5):
                await story(one)
        finally:
            running.cancel()

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.005)


def test_tokens_are_handed_over_and_ended_sessions_end() -> None:
    """In requests of 200 sessions at most; strange answers are passed over."""
    holder, broker = Holder(*(f"s{number}" for number in range(450))), Broker()
    broker.answer |= {"tokens": {"s1": "next"}, "ended": ["s2"]}

    async def story(_: Ledger) -> None:
        await until(lambda: len(broker.bodies) == 3)
        await until(lambda: len(holder.ended) == 3)
        assert [len(body["sessions"]) for body in broker.bodies] == [200, 200, 50]
        assert holder.tokens == {"s1": "next"}
        assert set(holder.ended) == {("s2", CloseCode.BROKER_ENDED)}

    play(holder, broker, story)


def test_renewal_comes_in_time() -> None:
    """As soon as the broker said, or a little before."""
    holder, broker = Holder("s1"), Broker()
    broker.answer |= {"renew_after_seconds": 0, "tokens": None, "ended": None}

    async def story(_: Ledger) -> None:
        await until(lambda: len(broker.bodies) == 3)
        assert [list(body["sessions"]) for body in broker.bodies] == [["s1"]] * 3

    play(holder, broker, story)


def test_ends_wait_for_a_broker_that_is_away(monkeypatch: Any) -> None:
    """They are told together, once, when it is back."""
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(ledger, "GATHER_SECONDS", 0.01)
    holder, broker = Holder(), Broker()
    broker.is_away = True

    async def story(one: Ledger) -> None:
        one.ended("s1", CloseCode.VDA_RESET)
        one.ended("s2", CloseCode.CLIENT_IDLE)
        await asyncio.sleep(0.05)
        broker.is_away = False
        await until(lambda: broker.bodies)
        assert broker.bodies[0]["ended"] == ["s1 vda_reset", "s2 client_idle"]
        one.ended("s3", CloseCode.CLIENT_CLOSED)
        await until(lambda: len(broker.bodies) == 2)
        assert broker.bodies[1] == {"sessions": [], "ended": ["s3 client_closed"]}

    play(holder, broker, story)


def test_a_fault_of_the_machine_is_told_and_passes(
    monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the system ends nothing: the ledger pauses and asks again."""
    monkeypatch.setattr(ledger, "RETRY_SECONDS", 0.01)
    holder, broker = Holder("s1"), Broker()
    broker.is_broken = True

    async def story(_: Ledger) -> None:
        await until(lambda: "sessions.not_told" in caplog.text)
        broker.is_broken = False
        await until(lambda: broker.bodies)
        assert broker.bodies[0]["sessions"] == ["s1"]

    play(holder, broker, story)
