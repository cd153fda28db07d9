"""No byte of one session reaches another, whatever is killed meanwhile: pumps share a buffer and a loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.protocol import hello
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import Behaviour, Scene, rsp, scene

SESSIONS = 24
ROUNDS = 8


class Talk:
    """One session whose bytes all carry its own number, at every offset; `check` finds any that do not."""

    def __init__(self, number: int) -> None:
        self._mark = number.to_bytes(2, "big")
        self.sent = self.got = 0
        self.random = random.Random(number)

    def block(self, size: int) -> bytes:
        """The next bytes of the pattern: the mark, then the index, again and again."""
        start, self.sent = self.sent, self.sent + size
        return self._pattern(start, size)

    def check(self, data: bytes) -> None:
        assert data == self._pattern(self.got, len(data)), f"foreign bytes in {self._mark!r} at {self.got}"
        self.got += len(data)

    def _pattern(self, start: int, size: int) -> bytes:
        first = start // 8
        words = (self._mark + index.to_bytes(6, "big") for index in range(first, (start + size) // 8 + 1))
        return b"".join(words)[start - first * 8 :][:size]


async def talk(channel: Channel, one: Talk) -> None:
    """Write blocks of all sizes and read the echo at another pace, now and then stopping in the middle."""

    async def read() -> None:
        while True:
            data = await channel.read(one.random.choice((1, 100, 5_000, 65_536)))
            one.check(data)
            if not data:
                return
            if one.random.random() < 0.05:
                await asyncio.sleep(one.random.random() / 50)

    async def write() -> None:
        for _ in range(ROUNDS):
            await channel.write(one.block(one.random.choice((1, 7, 1_000, 16_384, 60_000, 200_000))))
        channel.finish()

    writing = asyncio.ensure_future(write())
    try:
        with contextlib.suppress(Lost):
            await asyncio.gather(read(), writing)
    finally:
        writing.cancel()


async def sessions(s: Scene, first: int) -> list[tuple[Channel, Talk]]:
    made = []
    for number in range(first, first + SESSIONS):
        grant = s.sta.know(number, user=f"u{number}")
        if number % 2:
            channel, reply = await s.socks(grant)
            assert reply == 0
        else:
            channel, _ = await rsp(s, hello.ClientHello(1, ticket=grant))
        made.append((channel, Talk(number)))
    return made


def test_sessions_stay_apart_while_others_die(certificates: Certificates, tmp_path: Path) -> None:
    """Two dozen at a time, a third of them cut at random from either side, others taking their places."""

    async def body() -> None:
        chance = random.Random(11)
        async with asyncio.timeout(60), scene(certificates, tmp_path / "a") as s:
            connector = await s.connector(behaviour=Behaviour(capacity=1_000))
            whole = 0
            for wave in range(3):
                made = await sessions(s, 1 + wave * SESSIONS)
                wires = connector.wires[-SESSIONS:]
                talking = [asyncio.ensure_future(talk(channel, one)) for channel, one in made]
                for _ in range(SESSIONS // 3):
                    await asyncio.sleep(chance.random() / 30)
                    victim = chance.randrange(SESSIONS)
                    ends = (made[victim][0], wires[victim])
                    end = ends[chance.randrange(2)]
                    end.abort() if chance.random() < 0.5 else end.close()
                await asyncio.gather(*talking)
                whole += sum(one.got == one.sent for _, one in made)
            assert whole >= SESSIONS, "most were not touched and came through whole"

    asyncio.run(body())
