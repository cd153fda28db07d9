"""One proved data channel to the POP for each `Open`: a parked one if there is, else a fresh dial.

A parked channel may be dead without a sign (a firewall forgot it). One that has not answered soon gets a
fresh rival with the same nonce; the POP takes whichever comes first and refuses the other, so a launch
waits for no dead channel, and none is lost to one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.channel import Channel
from gateway.connector.dial import PopDial
from gateway.connector.parked import Parked
from gateway.errors import GatewayError, Lost, Refused, Unreachable
from gateway.protocol import data
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Open
from gateway.protocol.errors import ProtocolError

LEAST_PATIENCE_SECONDS: Final = 0.25
PATIENCE_RTTS: Final = 3
"""How long a parked channel may take to answer before a fresh one is dialled beside it."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A channel that has not been proved yet."""

    channel: Channel
    is_parked: bool


class Wires:
    """Dials and proves."""

    def __init__(self, dial: Callable[[], PopDial], parked: Parked) -> None:
        self._dial, self._parked = dial, parked

    async def reach(self, request: Open) -> Wire:
        """Return a channel to one of the request's addresses. Raises `ProtocolError` (`pop_lost`)."""
        parked = self._parked.take(request.pop)
        return Wire(await self._dial_fresh(request), False) if parked is None else Wire(parked, True)

    async def prove(self, wire: Wire, request: Open) -> Channel:
        """Present the nonce; return the channel that the POP took. The wire's channel is closed otherwise.

        Raises `ProtocolError` with the POP's code, or `Lost`.
        """
        if not wire.is_parked:
            return await _prove(wire.channel, request)
        first = asyncio.ensure_future(_prove(wire.channel, request))
        patience = max(LEAST_PATIENCE_SECONDS, PATIENCE_RTTS * wire.channel.rtt_ms() / 1000)
        try:
            await asyncio.wait({first}, timeout=patience)
            if first.done() and not isinstance(first.exception(), Lost):
                return first.result()
            self._parked.drop(request.pop)
            return await self._race(first, request)
        except BaseException:
            await _give_up({first})
            raise

    async def _race(self, first: asyncio.Future[Channel], request: Open) -> Channel:
        second = asyncio.ensure_future(self._prove_fresh(request))
        running = {first, second}
        try:
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    if one.exception() is None:
                        running |= done - {one}
                        return one.result()
        finally:
            await _give_up(running)
        fault = second.exception()
        is_used = isinstance(fault, ProtocolError) and fault.code is CloseCode.CONNECTOR_NONCE
        return (first if is_used else second).result()  # raises: the nonce was spent on the first, or never

    async def _prove_fresh(self, request: Open) -> Channel:
        return await _prove(await self._dial_fresh(request), request)

    async def _dial_fresh(self, request: Open) -> Channel:
        fault: GatewayError = Unreachable("the request names no POP address")
        for address in request.pop:
            try:
                return await self._dial().open(address, data.ALPN)
            except (Unreachable, Lost, Refused) as error:
                fault = error
        raise ProtocolError(CloseCode.POP_LOST, str(fault)) from fault


async def _prove(channel: Channel, request: Open) -> Channel:
    try:
        await channel.write(data.encode_hello(request.nonce, request.key))
        data.parse_answer(await channel.read_exactly(data.ANSWER_BYTES))
    except BaseException:
        channel.close()
        raise
    return channel


async def _give_up(running: set[asyncio.Future[Channel]]) -> None:
    for one in running:
        one.cancel()
    for channel in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(channel, Channel):
            channel.close()
