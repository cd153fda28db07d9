"""The rows of the checklist that are about streams, each over TCP and over TLS: bytes in, what comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from itm.dns.certificate import Pair
from itm.dns.framing import frame
from itm.dns.node import Node, NodeConfig
from tests.gateway.certificates import Certificates
from tests.itm.dns.asking import Ask, Told
from tests.itm.dns.maps import publish
from tests.itm.dns.nodes import GW, Streams, config, connect, is_closed, read, serve, udp

FORMERR, REFUSED = 1, 5
LARGE = Ask("example.net.", 6, edns=False, extra=bytes(65_000))
REPLY = Ask(flags=0x8000)


@dataclass(frozen=True)
class Row:
    """`sent` in pieces; then the rcodes that come back, and whether the connection is closed after them."""

    sent: tuple[bytes, ...]
    rcodes: tuple[int, ...]
    is_closed: bool = False
    is_half_closed: bool = False


def many(count: int) -> bytes:
    return b"".join(frame(dataclasses.replace(GW, id=n).packet()) for n in range(count))


ONE = frame(GW.packet())
ROWS = {
    "tcp-reuse": Row((ONE,) * 5, (0,) * 5),
    "tcp-pipeline-20": Row((many(20),), (0,) * 20),
    "tcp-pipeline-200": Row((many(200),), (0,) * 200),
    "tcp-bytewise": Row(tuple(ONE[n : n + 1] for n in range(len(ONE))), (0,)),
    "tcp-half-close": Row((ONE,), (0,), is_closed=True, is_half_closed=True),
    "tcp-half-close-200": Row((many(200),), (0,) * 200, is_closed=True, is_half_closed=True),
    "tcp-len-0": Row((b"\0\0",), (), is_closed=True),
    "tcp-len-0-after": Row((ONE + b"\0\0" + ONE,), (0,), is_closed=True),
    "tcp-len-11": Row((b"\0\x0b" + bytes(11),), (), is_closed=True),
    "tcp-reply": Row((frame(REPLY.packet()),), (), is_closed=True),
    "tcp-junk": Row((frame(b"\xff" * 4 + bytes(8)),), (), is_closed=True),
    "tcp-junk-query": Row((frame(Ask(edns=False, raw_name=b"\x41\1\0").packet()) + ONE,), (FORMERR, 0)),
    "tcp-64k-query": Row((frame(LARGE.packet()) + ONE,), (FORMERR, 0)),
    "axfr-tcp": Row((frame(Ask(qtype=252).packet()),), (REFUSED,)),
    "tcp-large-answer": Row((frame(Ask("huge.example.net.", 16).packet()),), (0,)),
    "tcp-idle-none": Row((), (), is_closed=True),
    "tcp-idle-query": Row((ONE,), (0,), is_closed=True),
    "tcp-idle-partial": Row((ONE + ONE[:9],), (0,), is_closed=True),
}
IDLE_SECONDS = 0.6


def serving(tmp_path: Path, **settings: object) -> tuple[NodeConfig, ssl.SSLContext]:
    publish(tmp_path / "maps", 1)
    made = Certificates(tmp_path)
    pem = made.server()
    both = {"tls_listen": ("127.0.0.1:0",), "certificate": Pair(pem, pem), "tcp_idle_seconds": IDLE_SECONDS}
    return config(tmp_path, **(both | settings)), made.client_context(alpn=("dot",))


@pytest.fixture(autouse=True)
def maps(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()


async def dial(node: Node, context: ssl.SSLContext, *, is_tls: bool, source: str = "") -> Streams:
    if is_tls:
        return await connect(node.tls_addresses[0], source, ssl=context, server_hostname="gw.test")
    return await connect(node.addresses[0], source)


@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(tmp_path: Path, row: Row, is_tls: bool) -> None:
    """What comes back, in order; the server lives on, over UDP and for new connections."""
    node_config, context = serving(tmp_path)

    async def talk(node: Node) -> None:
        streams = await dial(node, context, is_tls=is_tls)
        started = time.monotonic()
        for piece in row.sent:
            streams[1].write(piece)
            await streams[1].drain()
        if row.is_half_closed and not is_tls:  # asyncio's TLS cannot half-close
            streams[1].write_eof()
        assert tuple([Told(await read(streams[0])).rcode for _ in row.rcodes]) == row.rcodes
        if row.is_closed:
            assert await is_closed(streams)
            assert time.monotonic() - started < 4 * IDLE_SECONDS
        assert Told(await udp(node.addresses[0], GW.packet())).rcode == 0
        fresh = await dial(node, context, is_tls=is_tls)
        fresh[1].write(ONE)
        assert Told(await read(fresh[0])).rcode == 0
        fresh[1].close()

    serve(node_config, talk)


@pytest.mark.parametrize(("count", "is_tls"), [(100, False), (1000, False), (100, True)])
def test_idle_flood(tmp_path: Path, count: int, is_tls: bool) -> None:
    """tcp-idle-flood: the crowd's next connection is answered, and UDP is, while all the others idle."""
    node_config, context = serving(tmp_path, tcp_idle_seconds=10.0, tls_handshakes_per_second=1000)

    async def talk(node: Node) -> None:
        crowd = await asyncio.gather(
            *[dial(node, context, is_tls=is_tls, source="127.0.0.9") for _ in range(count)],
            return_exceptions=True,  # some were shed before their handshake's end
        )
        last = await dial(node, context, is_tls=is_tls, source="127.0.0.9")
        last[1].write(ONE)
        assert Told(await read(last[0])).rcode == 0
        assert Told(await udp(node.addresses[0], GW.packet(), "127.0.0.9")).rcode == 0
        held = node._tls if is_tls else node._tcp
        assert len(held) <= node_config.tcp_per_client
        for one in (*crowd, last):
            if not isinstance(one, BaseException):
                one[1].close()

    serve(node_config, talk, 60)
