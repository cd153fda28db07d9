"""The launcher's process: a launch file in, one local stream out, then the exit status."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.address import join_address
from gateway.channel import Channel, tune
from gateway.errors import GatewayError, Refused, Unreachable
from gateway.heap import keep_freed_memory
from gateway.launch.file import LaunchFile
from gateway.launch.liveness import Patience
from gateway.launch.paths import Path, Paths
from gateway.launch.session import Session
from gateway.launch.stdio import Stdio
from gateway.launch.wire import Wire, open_wire
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import ClientHello
from gateway.resolve import Resolve, by_system

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Launch:
    """What is opened and how its POPs are verified."""

    file: LaunchFile
    context: ssl.SSLContext
    patience: Patience = field(default_factory=Patience)
    resolve: Resolve = by_system

    async def serve_stdio(self) -> CloseCode | None:
        """Join standard input and output to the session."""
        wire, paths = await self._open()
        stdio = Stdio()
        stdio.socket.setblocking(False)
        code = await self._run(wire, paths, Channel(stdio.socket, asyncio.get_running_loop()))
        await asyncio.to_thread(stdio.wait)
        return code

    async def serve_listener(self, host: str, port: int) -> CloseCode | None:
        """Wait for one local client and join it to the session: a ticket opens one."""
        client = await _accept_one(host, port)
        try:
            wire, paths = await self._open()
        except BaseException:
            client.abort()
            raise
        return await self._run(wire, paths, client)

    async def _run(self, wire: Wire, paths: Paths, app: Channel) -> CloseCode | None:
        keep_freed_memory()
        session = Session(wire, paths, app, self.context, self.patience, time.monotonic)
        code, text = await session.run(wire)
        if code is not None:
            log.warning("session.ended", extra={"code": str(code), "reason": text or code.text})
        return code

    async def _open(self) -> tuple[Wire, Paths]:
        """Spend the ticket; `Refused` carries the close code.

        A POP that broke off, or is itself at fault, may not have spent it: the next address is asked.
        """
        paths = Paths(await self._resolve())
        hello = ClientHello(1, ticket=str(self.file.ticket))
        fault: Exception = Unreachable("the gateway's name has no address")
        for path in paths.in_order():
            try:
                wire = await open_wire(path, hello, self.context)
            except ProtocolError as error:
                fault = Refused(error.code, f"{error.code}: {error.text}")
                if error.code.party != "pop":
                    break
            except GatewayError as error:
                fault = fault if isinstance(fault, Refused) else error
            else:
                paths.used(path)
                return wire, paths
        raise fault

    async def _resolve(self) -> Sequence[Path]:
        host, port = self.file.host, self.file.port
        began = asyncio.get_running_loop().time()
        answer = await self.resolve(host)
        took_ms = round((asyncio.get_running_loop().time() - began) * 1000, 1)
        log.info("gateway.resolved", extra={"host": host, "dns_ms": took_ms})
        return [Path(host, address, port) for address in answer.addresses]


async def _accept_one(host: str, port: int) -> Channel:
    loop = asyncio.get_running_loop()
    with socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
    ) as server:
        server.setblocking(False)
        name = server.getsockname()
        log.warning("listening", extra={"address": join_address(name[0], name[1])})
        client, _ = await loop.sock_accept(server)
    tune(client)
    return Channel(client, loop)
