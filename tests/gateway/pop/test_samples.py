"""When a client's round trip and throughput are sampled."""

from __future__ import annotations

import asyncio
import math
import socket

import pytest

from gateway.channel import Channel, Delivery
from gateway.pop.samples import LEAST_BYTES, LEAST_MS, MOST_KBPS, PERIOD_SECONDS, Samples, throughput


class FakeChannel:
    """`rtt_ms` as told; `sent` says whether something was sent within the time asked about."""

    def __init__(self, ms: float) -> None:
        self.ms, self.sent, self.is_closed = ms, True, False
        self.rate: Delivery | None = None

    def delivery(self) -> Delivery | None:
        return self.rate

    def rtt_ms(self, *, within_seconds: float = math.inf) -> float:
        return self.ms if self.sent or within_seconds == math.inf else math.nan


class Bench:
    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[tuple[str, float]] = []
        self.rates: list[float] = []
        self.samples = Samples(self._note, lambda: self.now)

    def _note(self, metric: str, network: str, value: float) -> None:
        if metric == "throughput_kbps":
            self.rates.append(value)
        else:
            self.told.append((network, value))

    def at(self, seconds: float) -> list[tuple[str, float]]:
        self.now, self.told[:] = seconds, []
        self.samples.look()
        return list(self.told)


def test_at_the_start_and_every_minute_until_it_closes() -> None:
    """Each client for itself; one that was sent nothing for a minute has nothing new to tell."""
    bench, one, two = Bench(), FakeChannel(20.0), FakeChannel(30.0)
    bench.samples.begin("192.0.2.0/24", one)  # type: ignore[arg-type]
    bench.now = 10.0
    bench.samples.begin("198.51.100.0/24", two)  # type: ignore[arg-type]
    assert bench.told == [("192.0.2.0/24", 20.0), ("198.51.100.0/24", 30.0)]
    assert bench.at(PERIOD_SECONDS - 1) == []
    assert bench.at(PERIOD_SECONDS) == [("192.0.2.0/24", 20.0)]
    two.sent = False
    assert bench.at(PERIOD_SECONDS + 10) == []
    one.is_closed, two.sent = True, True
    assert bench.at(2 * PERIOD_SECONDS + 10) == [("198.51.100.0/24", 30.0)]


def test_what_is_not_known_is_not_told() -> None:
    """No network, no time; a client nearer than ITM believes is as near as it does."""
    bench = Bench()
    bench.samples.begin("", FakeChannel(20.0))  # type: ignore[arg-type]
    bench.samples.begin("127.0.0.0/24", FakeChannel(math.nan))  # type: ignore[arg-type]
    assert bench.told == []
    bench.samples.begin("127.0.0.0/24", FakeChannel(0.02))  # type: ignore[arg-type]
    assert bench.told == [("127.0.0.0/24", LEAST_MS)]


def test_a_throughput_is_that_of_the_path() -> None:
    """Told when enough went out since the last look, at a rate that is new and that no want of data set."""
    before, more = Delivery(1000, 50.0, True), 1000 + LEAST_BYTES
    assert throughput(before, Delivery(more, 800.0, True)) == 800.0
    assert throughput(before, Delivery(more, 9e9, True)) == MOST_KBPS
    for not_telling in (
        Delivery(more, 800.0, False),
        Delivery(more, 50.0, True),
        Delivery(more - 1, 800.0, True),
        None,
    ):
        assert throughput(before, not_telling) is None
    assert throughput(None, Delivery(more, 800.0, True)) is None


def test_each_minute_is_compared_with_the_one_before() -> None:
    """What went out in an earlier minute is told once."""
    bench, client = Bench(), FakeChannel(20.0)
    client.rate = Delivery(0, 0.0, False)
    bench.samples.begin("192.0.2.0/24", client)  # type: ignore[arg-type]
    client.rate = Delivery(LEAST_BYTES, 700.0, True)
    bench.at(PERIOD_SECONDS)
    bench.at(2 * PERIOD_SECONDS)
    assert bench.rates == [700.0]


def test_the_kernel_says_how_fast_bytes_go() -> None:
    """On a real socket: nothing yet, then the rate of a burst that the peer had to take."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            raw = socket.create_connection(server.getsockname())
            raw.setblocking(False)
            other, _ = server.accept()
            channel = Channel(raw, loop)
            before = channel.delivery()
            assert before is not None
            assert not before.is_path_limited
            reading = asyncio.create_task(asyncio.to_thread(_drain, other))
            await channel.write(bytes(8 << 20))
            await asyncio.sleep(0.05)
            now = channel.delivery()
            channel.close()
            await reading
            assert channel.delivery() is None
            assert now is not None
            assert now.acked_bytes - before.acked_bytes > LEAST_BYTES
            assert throughput(before, now) is not None

    asyncio.run(body())


def _drain(sock: socket.socket) -> None:
    with sock:
        while sock.recv(65_536):
            pass


def test_the_kernel_says_how_old_its_time_is() -> None:
    """On a real socket: nothing sent for longer than asked about means NaN."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            raw = socket.create_connection(server.getsockname())
            raw.setblocking(False)
            other, _ = server.accept()
            channel = Channel(raw, loop)
            await channel.write(b"x")
            assert channel.rtt_ms(within_seconds=5) == pytest.approx(channel.rtt_ms())
            await asyncio.sleep(0.1)
            assert math.isnan(channel.rtt_ms(within_seconds=0.05))
            assert channel.rtt_ms() >= 0
            channel.close()
            other.close()

    asyncio.run(body())
