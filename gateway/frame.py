"""One control frame from a channel, and not a byte of what follows it."""

from __future__ import annotations

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import FRAME_BYTES, Frame, FrameReader
from gateway.protocol.errors import ProtocolError


async def read_frame(channel: Channel, blame: CloseCode) -> Frame:
    """Return the next frame; `Lost` when the peer ends before or sends none. Sets no time limit."""
    head = await channel.read_exactly(4)
    size = int.from_bytes(head, "big")
    body = await channel.read_exactly(size) if size <= FRAME_BYTES else b""
    try:
        (frame,) = FrameReader(blame).receive(head + body)
    except (ProtocolError, ValueError) as error:
        raise Lost(f"the peer broke the protocol: {error}") from error
    return frame
