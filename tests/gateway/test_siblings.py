"""Works that stand and fall together."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Lost
from gateway.siblings import until_first


async def stand(log: list[str], name: str) -> None:
    log.append(f"{name} stands")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        log.append(f"{name} over")


async def fail(when: asyncio.Event) -> None:
    await when.wait()
    raise Lost("the peer left")


def test_the_first_end_is_everybodys() -> None:
    """What it raised is raised, when the others are over."""

    async def story() -> None:
        log: list[str] = []
        when = asyncio.Event()
        when.set()
        with pytest.raises(Lost, match="the peer left"):
            await until_first(stand(log, "one"), fail(when), stand(log, "two"))
        assert log == ["one stands", "two stands", "one over", "two over"]

    asyncio.run(story())


def test_a_return_ends_them_too() -> None:
    """Nothing is raised when the first simply returns."""

    async def story() -> None:
        log: list[str] = []
        await until_first(stand(log, "one"), asyncio.sleep(0))
        assert log == ["one stands", "one over"]

    asyncio.run(story())


@pytest.mark.parametrize("turns", range(5))
def test_a_cancellation_is_never_lost(turns: int) -> None:
    """However close it comes to a failure: the owner ends cancelled, or has ended by the failure before."""

    async def story() -> None:
        when = asyncio.Event()
        log: list[str] = []
        owner = asyncio.create_task(until_first(fail(when), stand(log, "one")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        when.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        was_asked = owner.cancel()
        await asyncio.wait([owner])
        assert owner.cancelled() == was_asked
        assert log[-1] == "one over"

    asyncio.run(story())
