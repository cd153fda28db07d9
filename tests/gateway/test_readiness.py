"""The shared epoll calls back as `add_reader` would: level-triggered, exact about what is watched."""

from __future__ import annotations

import asyncio
import socket

from gateway.readiness import Readiness, readiness


def test_watching_is_level_triggered_and_stops_when_told() -> None:
    """A callback comes as long as bytes wait; none after `unwatch` or `forget`."""

    async def body() -> None:
        ready = Readiness(asyncio.get_running_loop())
        near, far = socket.socketpair()
        calls: list[str] = []
        with near, far:
            fd = near.fileno()
            ready.watch_read(fd, lambda: calls.append("r"))
            far.send(b"x")
            for _ in range(4):
                await asyncio.sleep(0.001)
            assert len(calls) >= 2
            ready.unwatch_read(fd)
            ready.unwatch_read(fd)
            calls.clear()
            ready.watch_write(fd, lambda: calls.append("w"))
            await asyncio.sleep(0.001)
            assert set(calls) == {"w"}
            ready.forget(fd)
            calls.clear()
            await asyncio.sleep(0.001)
            assert calls == []

    asyncio.run(body())


def test_a_failing_callback_does_not_stop_the_others() -> None:
    """It is reported to the loop; who is ready beside it is served."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        faults: list[object] = []
        loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))
        ready = readiness(loop)
        assert readiness(loop) is ready
        one, two = socket.socketpair()
        calls: list[int] = []
        with one, two:

            def fail() -> None:
                ready.forget(one.fileno())
                raise ValueError("bug")

            ready.watch_write(one.fileno(), fail)
            ready.watch_write(two.fileno(), lambda: calls.append(1))
            await asyncio.sleep(0.01)
            ready.forget(two.fileno())
        assert calls
        assert [str(fault) for fault in faults] == ["bug"]

    asyncio.run(body())


def test_a_callback_may_close_who_is_ready_beside_it() -> None:
    """A descriptor forgotten within a turn is not called back in that turn."""

    async def body() -> None:
        ready = Readiness(asyncio.get_running_loop())
        one, two = socket.socketpair()
        calls: list[str] = []
        with one, two:

            def first(name: str, other: socket.socket) -> None:
                calls.append(name)
                ready.forget(other.fileno())

            ready.watch_write(one.fileno(), lambda: first("one", two))
            ready.watch_write(two.fileno(), lambda: first("two", one))
            await asyncio.sleep(0.01)
            assert len(set(calls)) == 1
            ready.forget(one.fileno())
            ready.forget(two.fileno())

    asyncio.run(body())
