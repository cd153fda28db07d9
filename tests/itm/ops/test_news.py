from __future__ import annotations

import asyncio

from itm.ops.news import News


def test_those_who_wait_are_woken_once() -> None:
    """What was told before one waits is not heard; what is told while one waits is."""

    async def body() -> None:
        news = News()
        news.tell()
        waiting = [asyncio.ensure_future(news.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        news.tell()
        assert await asyncio.gather(*waiting) == [True, True, True]

    asyncio.run(body())


def test_the_end_lets_everybody_go() -> None:
    """Those who wait, and those who would."""

    async def body() -> None:
        news = News()
        waiting = asyncio.ensure_future(news.wait())
        await asyncio.sleep(0)
        news.end()
        assert not await waiting
        assert not await news.wait()
        news.tell()
        assert not await news.wait()

    asyncio.run(body())
