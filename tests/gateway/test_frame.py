"""One frame and not a byte more."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Lost
from gateway.frame import read_frame
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import FRAME_BYTES, Ping, encode
from tests.gateway.pairs import tcp_pair


def test_what_follows_a_frame_stays() -> None:
    """The bytes behind it are the next reader's."""

    async def body() -> None:
        near, far = tcp_pair()
        await far.write(encode(Ping(7)) + b"and more")
        assert await read_frame(near, CloseCode.POP_INTERNAL) == Ping(7)
        assert await near.read() == b"and more"
        near.close()
        far.close()

    asyncio.run(body())


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        encode(Ping(7))[:-1],
        b"\0\0\0\2{}",
        (FRAME_BYTES + 1).to_bytes(4, "big") + bytes(FRAME_BYTES + 1),
        bytes(4),
    ],
)
def test_anything_else_is_a_loss(wire: bytes) -> None:
    """An early end, garbage, a frame that is too long or empty."""

    async def body() -> None:
        near, far = tcp_pair()
        await far.write(wire)
        far.close()
        with pytest.raises(Lost):
            await read_frame(near, CloseCode.POP_INTERNAL)
        near.close()

    asyncio.run(body())
