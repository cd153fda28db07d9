"""`itm-gateway echo-vda`: a VDA that answers what it is sent, for tests and first tries."""

from __future__ import annotations

import argparse
import asyncio

from gateway.address import split_address
from gateway.connector.echo import serve_echo


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--listen", default="127.0.0.1:7777", metavar="HOST:PORT")


def run(args: argparse.Namespace) -> int:
    """Echo until interrupted."""
    asyncio.run(_serve(*split_address(args.listen, least_port=0)))
    return 0


async def _serve(host: str, port: int) -> None:
    server = await serve_echo(host, port)
    name = server.sockets[0].getsockname()
    print(f"echo VDA listens on {name[0]}:{name[1]}", flush=True)
    async with server:
        await server.serve_forever()
