"""The connector's dials: to a POP address (through the outbound proxy, if any) and to an admitted VDA.

Knows sockets and TLS; what is said over them stands in `control` and `join`.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final

from gateway.address import split_address
from gateway.channel import Channel
from gateway.connector.allow import AllowList
from gateway.connector.outbound import Proxy, Tunnel, tunnel_through
from gateway.dial import connect, resolve, start_tls
from gateway.errors import Lost, Refused, Unreachable
from gateway.identity import host_name
from gateway.protocol.codes import CloseCode

POP_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 2.0
"""A POP that has not answered by then is not measured but silent."""
OWN_ADDRESS: Final = "127.0.0.1"
VDA_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class PopDial:
    """How this connector reaches POPs: `contexts` holds one TLS context per ALPN id."""

    contexts: dict[str, ssl.SSLContext]
    gateway_name: str
    proxy: Proxy | None = None

    async def reach(self, address: str) -> Channel:
        """Return plain TCP to `host:port`; `Unreachable`, `Refused` (by the proxy) or `Lost`."""
        host, port = split_address(address)
        if self.proxy is None:
            return await connect(host, port, seconds=POP_SECONDS)
        channel = await connect(self.proxy.host, self.proxy.port, seconds=POP_SECONDS)
        await _tunnel(channel, tunnel_through(self.proxy, host, port))
        return channel

    async def measure(self, address: str) -> float:
        """Return the round trip to the POP in ms, the way to a proxy left out; errors as of `reach`."""
        host, port = split_address(address)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if self.proxy is None:
            channel = await connect(host, port, seconds=LOOK_SECONDS)
        else:
            channel = await connect(self.proxy.host, self.proxy.port, seconds=LOOK_SECONDS)
            begun = loop.time()
            await _tunnel(channel, tunnel_through(self.proxy, host, port))
        channel.close()
        return (loop.time() - begun) * 1000

    async def open(self, address: str, alpn: str) -> Channel:
        """Return a TLS channel that speaks `alpn`; errors as of `reach`."""
        secure = await start_tls(
            await self.reach(address),
            self.contexts[alpn],
            server_name=self.gateway_name,
            seconds=POP_SECONDS,
        )
        if secure.alpn != alpn:
            secure.close()
            raise Lost(f"{address}: the POP does not speak {alpn}")
        return secure


async def _tunnel(channel: Channel, tunnel: Tunnel) -> None:
    try:
        async with asyncio.timeout(POP_SECONDS):
            out, is_done = tunnel.begin(), False
            while not is_done:
                await channel.write(out)
                data = await channel.read()
                if not data:
                    raise Lost("the proxy closed during its handshake")
                out, is_done = tunnel.receive(data)
    except TimeoutError as error:
        channel.close()
        raise Unreachable(f"the proxy did not answer within {POP_SECONDS:g} s") from error
    except BaseException:
        channel.close()
        raise


async def open_own(target: str, hosts: tuple[str, ...], allow: AllowList) -> Channel:
    """Return a TCP channel to a port of this machine, for the agent of the VDA that has these names.

    `Refused`: another host, a port that no rule for 127.0.0.1 admits, or nobody listens.
    """
    host, port = split_address(target)
    if host_name(host) not in hosts:
        raise Refused(CloseCode.CONNECTOR_TARGET_DENIED, f"{host} is not this machine")
    if not allow.admits(OWN_ADDRESS, port, OWN_ADDRESS):
        raise Refused(CloseCode.CONNECTOR_TARGET_DENIED, f"port {port} is not on this agent's allow-list")
    return await _connect_in_turn([OWN_ADDRESS], port)


async def open_vda(target: str, allow: AllowList) -> Channel:
    """Return a TCP channel to `host:port` of a VDA.

    The addresses are resolved once and checked before any is dialled. `Refused` carries a close code: no
    rule admits the target, its name does not resolve, it does not answer.
    """
    host, port = split_address(target)
    try:
        async with asyncio.timeout(VDA_SECONDS):
            found = await resolve(host, port)
    except (TimeoutError, OSError) as error:
        raise Refused(CloseCode.VDA_NAME, f"{target}: {error}") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    admitted = [address for address in addresses if allow.admits(host, port, address)]
    if not admitted:
        raise Refused(CloseCode.CONNECTOR_TARGET_DENIED, f"{target} is not on this connector's allow-list")
    return await _connect_in_turn(admitted, port)


async def _connect_in_turn(addresses: list[str], port: int) -> Channel:
    fault: Exception | None = None
    for address in addresses:
        try:
            return await connect(address, port, seconds=VDA_SECONDS / len(addresses))
        except Unreachable as error:
            fault = error
    raise Refused(_why(fault.__cause__ if fault else None), str(fault)) from fault


def _why(cause: BaseException | None) -> CloseCode:
    if isinstance(cause, TimeoutError):
        return CloseCode.VDA_TIMEOUT
    return CloseCode.VDA_REFUSED if isinstance(cause, ConnectionRefusedError) else CloseCode.VDA_UNREACHABLE
