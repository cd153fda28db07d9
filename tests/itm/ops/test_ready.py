from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from itm.ops import ready as module
from itm.ops.ready import ReadyAnswer
from tests.itm.ops.harness import Clock

Scenario = Callable[[int], Awaitable[None]]


def play(scenario: Scenario, clock: Clock | None = None) -> None:
    """Run a scenario against a server that answers every POST so, if it fits."""

    async def scene() -> None:
        ready = ReadyAnswer(204, {"Access-Control-Allow-Origin": "*"}, clock or Clock())

        async def answer(request: web.Request) -> web.StreamResponse:
            return ready.for_request(request)

        app = web.Application()
        app.router.add_post("/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            await scenario(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    asyncio.run(scene())


def test_a_client_reads_it_as_any_answer() -> None:
    """204 with CORS and a date, again and again over one connection."""
    clock = Clock()

    async def scenario(port: int) -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(3):
                async with session.post(f"http://127.0.0.1:{port}/", data=b"x") as answer:
                    assert (answer.status, await answer.read()) == (204, b"")
                    assert answer.headers["Access-Control-Allow-Origin"] == "*"
                    assert answer.headers["Date"] == "Tue, 14 Nov 2023 22:13:2" + f"{clock.now % 10:.0f} GMT"
                clock.now += 1

    play(scenario, clock)


def test_a_connection_that_ends_gets_the_usual_answer() -> None:
    """Whoever asks to close, or speaks HTTP/1.0, finds it closed."""

    async def scenario(port: int) -> None:
        for head in (b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close", b"POST / HTTP/1.0"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + b"\r\nContent-Length: 1\r\n\r\nx")
            text = await reader.read()
            assert b" 204 No Content\r\n" in text
            writer.close()

    play(scenario)


def test_requests_that_come_together_are_answered_in_turn() -> None:
    """Pipelined, as HTTP/1.1 allows."""

    async def scenario(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx" * 20)
        text = b""
        while text.count(b"\r\n\r\n") < 20:
            text += await reader.read(65_536)
        assert text.count(b"HTTP/1.1 204 No Content\r\n") == 20
        writer.close()

    play(scenario)


def test_who_reads_no_answers_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are not kept for those who only send."""
    monkeypatch.setattr(module, "MAX_UNREAD_BYTES", -1)

    async def scenario(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        try:
            while await reader.read(65_536):
                pass
        except ConnectionResetError:
            pass
        writer.close()

    play(scenario)
