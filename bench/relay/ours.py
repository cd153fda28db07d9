"""The POP's data path alone, doing haproxy's job: TLS from the client, plain TCP or TLS to one backend.

    python -m bench.relay.ours CERTIFICATE BACKEND_PORT [--backend-tls]

The same channel, handshake and pump as `gateway.pop`; prints its port, serves until killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import socket
import ssl
from pathlib import Path

from gateway.channel import Channel, tune
from gateway.dial import connect, start_tls
from gateway.errors import GatewayError
from gateway.pump import Ended, Pump, scratch


class Relay:
    """Accepts, dials the backend, pumps."""

    def __init__(self, certificate: Path, backend: int, *, is_tls: bool) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        self._context.num_tickets = 0
        self._context.load_cert_chain(certificate)
        self._outward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_tls else None
        if self._outward is not None:
            self._outward.check_hostname, self._outward.verify_mode = False, ssl.CERT_NONE
        self._backend, self._buffer = backend, scratch()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        tune(listening)
        print(listening.getsockname()[1], flush=True)
        async with asyncio.TaskGroup() as tasks:
            while True:
                sock, _ = await loop.sock_accept(listening)
                tasks.create_task(self._serve(Channel(sock, loop), loop))

    async def _serve(self, plain: Channel, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(GatewayError):
            client = await start_tls(plain, self._context, seconds=10)
            backend = await connect("127.0.0.1", self._backend, seconds=10)
            if self._outward is not None:
                backend = await start_tls(backend, self._outward, server_name="backend", seconds=10)
            Pump(client, backend, self._buffer, _forget, idle_seconds=600, loop=loop).start()


def _forget(_: Ended) -> None:
    return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("certificate", type=Path)
    parser.add_argument("backend", type=int)
    parser.add_argument("--backend-tls", action="store_true")
    args = parser.parse_args()
    gc.freeze()
    asyncio.run(Relay(args.certificate, args.backend, is_tls=args.backend_tls).run())


if __name__ == "__main__":
    main()
