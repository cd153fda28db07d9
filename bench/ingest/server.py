"""`python -m bench.ingest.server edge|bare PORT STATE`: what the benchmark asks, until its input ends.

`edge` is the whole edge process with its public listener, store, journal and checks; `bare` a handler of
aiohttp that answers 204 and looks at nothing.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from aiohttp import web

from itm.config import Collect, Config, Ops, Public
from itm.ops import edge
from itm.store import catalogs
from itm.store.engine import open_engine
from itm.store.migrate import upgrade

POPS = tuple(f"pop-{n:02d}" for n in range(20))
KEYS = "rum.keys"


def config_of(port: int, state: Path) -> Config:
    """Return the settings of the edge: as by default, but for the key file that the benchmark signs with."""
    return Config(
        state=str(state),
        public=Public(listen=f"127.0.0.1:{port}", trusted_proxies=("127.0.0.1/32",)),
        ops=Ops(listen=f"127.0.0.1:{port + 1}"),
        collect=Collect(token_keys=str(state / KEYS)),
    )


def prepare(config: Config) -> None:
    """Migrate the store and make a catalog of POPs live."""
    upgrade(config.store_url)
    lines = ["zones: [example.net.zone]", "pops:"]
    for n, pop in enumerate(POPS):
        lines.append(
            f"  {pop}: {{provider: x, city: x, country: JP, lat: 1, lon: 1, ipv4: 127.20.9.{n + 1}}}"
        )
    zone = "$TTL 300\n@ IN SOA ns1 host 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
    files = {
        "catalog.yaml": "\n".join([*lines, "services: {gw.example.net.: {}}", ""]),
        "example.net.zone": zone,
    }
    engine = open_engine(config.store_url)
    number = catalogs.add_pending(engine, files, author="bench", now=time.time())
    catalogs.settle(engine, number, "live", "{}", now=time.time())


async def serve_edge(config: Config) -> None:
    """Serve until the input ends."""
    async with edge.running(config):
        await until_the_end()


async def serve_bare(port: int) -> None:
    """Serve until the input ends."""

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/rum/v1/beacon", nothing)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await until_the_end()
    await runner.cleanup()


async def until_the_end() -> None:
    """Say that all is ready, and wait."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    kind, port, state = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if kind == "bare":
        asyncio.run(serve_bare(port))
    else:
        config = config_of(port, state)
        prepare(config)
        asyncio.run(serve_edge(config))


if __name__ == "__main__":
    main()
