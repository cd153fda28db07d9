"""The first frame of a broker's wire into a Resource Location's network, and that it is a broker's.

Knows who may ask and what was asked; joining it is `clients`' as for any session.
"""

from __future__ import annotations

import asyncio

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.frame import read_frame
from gateway.identity import of_peer
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Reach


async def asked(channel: Channel, seconds: float) -> Reach:
    """Return what a broker asks for; `Unauthorised` or `Lost` for anybody and anything else."""
    identity = of_peer(channel.peer_certificate())
    if identity.role != "broker":
        raise Lost(f"{identity.role} {identity.id} asked to be let into a location")
    try:
        async with asyncio.timeout(seconds):
            frame = await read_frame(channel, CloseCode.BROKER_INTERNAL)
    except TimeoutError as error:
        raise Lost(f"no reach within {seconds:g} s") from error
    if not isinstance(frame, Reach):
        raise Lost(f"the wire of {identity.id} began with {type(frame).__name__}")
    return frame
