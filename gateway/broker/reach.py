"""Opens byte pipes into a Resource Location's network, where the broker has no route: through its connector.

    async with request.app[access.REACH].open(location, "dc1.corp", 636, seconds=5) as pipe:
        await pipe.write(b"..."); await pipe.read()

A pipe is a `gateway.channel.Channel`. The broker dials a POP that has announced a connector of the location,
at the POP's own addresses, and both show certificates of the authority; the POP asks the connector as for
any session, so its allow-list has the last word, and books the pipe under the tenant as the broker's.
Knows nothing of what is said over a pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from gateway.address import join_address, split_address
from gateway.broker.locations import Location
from gateway.broker.signals import Near
from gateway.channel import Channel
from gateway.dial import connect, start_tls
from gateway.errors import Lost, Refused, Unauthorised, Unreachable
from gateway.frame import read_frame
from gateway.identity import of_peer
from gateway.protocol import control
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import SESSION_BYTES, encode

DIAL_SECONDS: Final = 2.0
"""One address of a POP; then the next is tried."""
IDLE_SECONDS: Final = 60
MAX_SECONDS: Final = 300
"""What a POP lets a pipe live, if the broker should forget it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reach:
    """`near` tells the POPs at a location's connectors; `gateway_name` stands in every POP's certificate."""

    near: Callable[[str], tuple[Near, ...]]
    context: ssl.SSLContext
    gateway_name: str

    @contextlib.asynccontextmanager
    async def open(
        self, location: Location, host: str, port: int, *, seconds: float
    ) -> AsyncIterator[Channel]:
        """Give a pipe to `host:port`, as the connector resolves it; it is closed at the end of the block.

        Raises `Refused` with the code of whoever is at fault: `connector_none`, `connector_target_denied`,
        `vda_refused` and so on; `pop_lost` when no POP answers, `connector_timeout` after `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                pipe = await self._through(location, host, port)
        except TimeoutError:
            raise Refused(CloseCode.CONNECTOR_TIMEOUT, f"no pipe within {seconds:g} s") from None
        try:
            yield pipe
        finally:
            pipe.close()

    async def _through(self, location: Location, host: str, port: int) -> Channel:
        """Try the POPs in turn; the connector's or target's no is final, a POP's own is not."""
        fault = Refused(CloseCode.CONNECTOR_NONE, CloseCode.CONNECTOR_NONE.text)
        doors = [(near.pop, address) for near in self.near(location.id) for address in near.addresses]
        for pop, address in doors:
            session = secrets.token_hex(SESSION_BYTES)
            wanted = control.Reach(
                session, location.tenant, location.id, host, port, IDLE_SECONDS, MAX_SECONDS
            )
            about = {"session": session, "location": location.id, "pop": pop}
            try:
                pipe = await self._ask(pop, address, wanted)
            except (Lost, Unreachable, Unauthorised) as error:
                fault = Refused(CloseCode.POP_LOST, f"{pop}: {error}")
            except Refused as error:
                fault = error
                if not error.code.startswith("pop_"):
                    raise
            else:
                log.info("reach.opened", extra=about | {"target": join_address(host, port)})
                return pipe
            log.warning("reach.next", extra=about | {"address": address, "reason": str(fault)})
        raise fault

    async def _ask(self, pop: str, address: str, wanted: control.Reach) -> Channel:
        plain = await connect(*split_address(address), seconds=DIAL_SECONDS)
        pipe = await start_tls(plain, self.context, server_name=self.gateway_name, seconds=DIAL_SECONDS)
        try:
            await _greet(pipe, pop, wanted)
        except BaseException:
            pipe.close()
            raise
        return pipe


async def _greet(pipe: Channel, pop: str, wanted: control.Reach) -> None:
    if pipe.alpn != control.REACH_ALPN:
        raise Lost(f"it does not speak {control.REACH_ALPN}")
    holder = of_peer(pipe.peer_certificate())
    if (holder.role, holder.id) != ("pop", pop):
        raise Lost(f"{holder.role} {holder.id} answers in its place")
    await pipe.write(encode(wanted))
    answer = await read_frame(pipe, CloseCode.POP_INTERNAL)
    if isinstance(answer, control.Refused) and answer.nonce == wanted.nonce:
        raise Refused(answer.code, answer.text or answer.code.text)
    if not isinstance(answer, control.Opened) or answer.nonce != wanted.nonce:
        raise Lost(f"answered with {type(answer).__name__}")
