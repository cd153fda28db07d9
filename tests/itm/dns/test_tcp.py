"""TCP and TLS on real sockets of the loopback: crowds, slow clients, proxies, certificates."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import ssl
import struct
import time
from pathlib import Path

import pytest

from itm.dns.certificate import Pair
from itm.dns.framing import frame
from itm.dns.node import Node
from tests.gateway.certificates import Certificates
from tests.itm.dns.asking import Ask, Told
from tests.itm.dns.maps import publish
from tests.itm.dns.nodes import GW, Streams, ask, config, connect, is_closed, read, serve, udp, until
from tests.itm.dns.test_proxy import bare, header

KEEP_ALIVE = 11
PADDING = 12
HUGE = Ask("huge.example.net.", 16)
FROM_TOKYO, FROM_AMSTERDAM = "133.11.0.1", "10.1.0.1"
BY_RESOLVER = Ask("gw.example.net.", 1)
TOKYO, AMSTERDAM = ["gw.example.net. 20 A 127.20.0.2"], ["gw.example.net. 20 A 127.20.0.1"]


def tenths(told: Told) -> int:
    return int.from_bytes(told.options[KEEP_ALIVE], "big")


def test_a_crowd_of_one_client(tmp_path: Path) -> None:
    """1,000 idle connections from one address: UDP and new TCP are served, its own as well as others'."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        other = await connect(node.addresses[0], "127.0.0.8")
        crowd = [await connect(node.addresses[0], "127.0.0.9") for _ in range(1000)]
        await until(lambda: len(node._tcp) == 26)
        assert Told(await udp(node.addresses[0], GW.packet())).rcode == 0
        for source in ("127.0.0.9", "127.0.0.10"):
            assert (await ask(await connect(node.addresses[0], source))).rcode == 0
        assert (await ask(other)).rcode == 0, "it was idle for longest, but nobody else's crowd closes it"
        assert node._stats()["shed"] == {"full": 0, "client": 976, "handshakes": 0}
        for streams in crowd:
            streams[1].close()

    serve(config(tmp_path, tcp_per_client=25), talk, 60)


def test_a_crowd_of_many_clients(tmp_path: Path) -> None:
    """When all places are taken the idlest goes; who was promised a time is promised less."""
    publish(tmp_path / "maps", 1)
    asking = dataclasses.replace(GW, options=((KEEP_ALIVE, b""),))

    async def talk(node: Node) -> None:
        first = await connect(node.addresses[0])
        assert tenths(await ask(first, asking)) == 50
        crowd = [await connect(node.addresses[0], f"127.0.1.{n}") for n in range(1, 40)]
        assert tenths(await ask(crowd[-1], asking)) == 10
        assert await is_closed(first), "it has a fifth of the time, or gives way"
        crowd += [await connect(node.addresses[0], f"127.0.2.{n}") for n in range(1, 40)]
        assert (await ask(crowd[-1])).rcode == 0
        assert len(node._tcp) <= 40
        for streams in crowd:
            streams[1].close()

    serve(config(tmp_path, tcp_connections=40, tcp_per_client=5, tcp_idle_seconds=5.0), talk)


@pytest.mark.parametrize("sent", [b"", b"\0", b"\0\x1d\x12\x34", b"slow"])
def test_idle_ones_are_closed(tmp_path: Path, sent: bytes) -> None:
    """Nothing, half a length, half a message, or a byte every now and then: all are idle."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        streams = await connect(node.addresses[0])
        drip = sent == b"slow"
        streams[1].write(b"" if drip else sent)
        started = time.monotonic()
        for byte in frame(GW.packet()) * drip:
            streams[1].write(bytes((byte,)))
            await asyncio.sleep(0.05)
            if streams[0].at_eof() or len(node._tcp) == 0:
                break
        assert await is_closed(streams)
        assert 0.4 <= time.monotonic() - started < 4
        assert Told(await udp(node.addresses[0], GW.packet())).rcode == 0

    serve(config(tmp_path, tcp_idle_seconds=0.5), talk)


def test_pipelined_queries_leave_others_their_turn(tmp_path: Path) -> None:
    """While thousands of one client's queries wait, UDP is answered; all of them are, in order."""
    publish(tmp_path / "maps", 1)
    count = 3000

    async def talk(node: Node) -> None:
        reader, writer = await connect(node.addresses[0])
        wire = b"".join(frame(dataclasses.replace(GW, id=n).packet()) for n in range(count))
        writer.write(wire)
        await udp(node.addresses[0], GW.packet())
        assert node.answerer.counters.tcp < count
        ids = [int.from_bytes((await read(reader))[:2], "big") for _ in range(count)]
        assert ids == list(range(count))
        writer.close()

    serve(config(tmp_path), talk)


def test_a_client_that_takes_nothing(tmp_path: Path) -> None:
    """Asking on and on without reading: what is kept for it stays small, and it is closed in time."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(node.addresses[0])
            sock.setblocking(False)
            loop = asyncio.get_running_loop()

            async def ask_on() -> None:
                while True:
                    await loop.sock_sendall(sock, frame(HUGE.packet()))
                    await asyncio.sleep(0.01)

            with pytest.raises(ConnectionError):
                await ask_on()
            kept = node.answerer.counters.tcp * 5000
            assert kept < 1 << 20, f"{kept} bytes for one client"
        await until(lambda: len(node._tcp) == 0)

    serve(config(tmp_path, tcp_idle_seconds=0.5), talk)


def test_bad_streams_end(tmp_path: Path) -> None:
    """A length no query has, after a good query: that one is answered, then the end."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        for bad in (b"\0\0", b"\0\x05junk!", frame(Ask(flags=0x8000).packet())):
            streams = await connect(node.addresses[0])
            streams[1].write(frame(GW.packet()) + bad + frame(GW.packet()))
            assert Told(await read(streams[0])).rcode == 0
            assert await is_closed(streams)
        streams = await connect(node.addresses[0])
        streams[1].write(header() + frame(GW.packet()))
        assert await is_closed(streams), "nobody is trusted to say whose it is: that was no message"
        streams = await connect(node.addresses[0])
        junk = Ask(edns=False, raw_name=b"\x41\x01\x00").packet()
        streams[1].write(frame(junk) + frame(GW.packet()))
        assert [Told(await read(streams[0])).rcode for _ in "12"] == [1, 0], "a bad query is no bad stream"

    serve(config(tmp_path, tcp_idle_seconds=0.5), talk)


def test_proxied_streams(tmp_path: Path) -> None:
    """The header's client is steered, limited and given cookies; the proxy itself may have any number."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        place = node.addresses[0]

        async def via(wire: bytes, source: str = "127.0.0.2") -> Streams:
            streams = await connect(place, source)
            streams[1].write(wire)
            return streams

        told = await ask(await via(header(FROM_TOKYO)), BY_RESOLVER)
        assert told.lines("answer") == TOKYO
        streams = await via(b"")
        for byte in header(FROM_AMSTERDAM, more=b"\x04\0\x01x"):
            streams[1].write(bytes((byte,)))
            await streams[1].drain()
        assert (await ask(streams, BY_RESOLVER)).lines("answer") == AMSTERDAM
        assert (await ask(streams, BY_RESOLVER)).lines("answer") == AMSTERDAM
        assert (await ask(await via(bare(0x20, 0)), BY_RESOLVER)).rcode == 0
        crowd = [await via(header(FROM_TOKYO)) for _ in range(9)]
        await until(lambda: node._tcp.shed_client >= 6)
        local = [await via(bare(0x20, 0)) for _ in range(9)]
        assert (await ask(local[0], BY_RESOLVER)).rcode == 0
        for bad in (frame(BY_RESOLVER.packet()), b"PROXY TCP4 ", header()[:14] + b"\xff" * 9):
            assert await is_closed(await via(bad))
        assert node.answerer.counters.proxy_malformed == 3
        for streams in (*crowd, *local):
            streams[1].close()

    serve(config(tmp_path, proxy_from=("127.0.0.2/32",), tcp_per_client=3), talk)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0"])
def test_proxied_datagrams(tmp_path: Path, listen: str) -> None:
    """A header before each one; without it a proxy gets nothing, and nobody else is trusted to send one."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        place = "127.0.0.1", node.addresses[0][1]
        for client, expected in ((FROM_TOKYO, TOKYO), (FROM_AMSTERDAM, AMSTERDAM)):
            told = Told(await udp(place, header(client, kind=0x12) + BY_RESOLVER.packet(), "127.0.0.2"))
            assert told.lines("answer") == expected
        assert Told(await udp(place, BY_RESOLVER.packet(), "127.0.0.3")).rcode == 0
        told = Told(await udp(place, header() + BY_RESOLVER.packet(), "127.0.0.3"))
        assert told.rcode == 4, "read as a query, a header is one of an unknown opcode"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(udp(place, BY_RESOLVER.packet(), "127.0.0.2"), 0.2)
        assert node.answerer.counters.proxy_malformed == 1

    serve(dataclasses.replace(config(tmp_path, proxy_from=("127.0.0.2/32",)), listen=(listen,)), talk)


def secured(tmp_path: Path, made: Certificates) -> dict[str, object]:
    pem = made.server(names=("gw.test", "127.0.0.1"))
    return {"tls_listen": ("127.0.0.1:0",), "certificate": Pair(pem, pem)}


def test_the_same_answers_over_tls(tmp_path: Path) -> None:
    """ALPN `dot`, pipelined, padded when the query has EDNS; a half-closed client gets its answers."""
    publish(tmp_path / "maps", 1)
    made = Certificates(tmp_path)
    context = made.client_context(alpn=("dot",))

    async def talk(node: Node) -> None:
        streams = await connect(node.tls_addresses[0], ssl=context, server_hostname="gw.test")
        assert streams[1].get_extra_info("ssl_object").selected_alpn_protocol() == "dot"
        plain = Told(await udp(node.addresses[0], GW.packet()))
        told = await ask(streams)
        assert told.lines("answer") == plain.lines("answer")
        assert (len(told.wire), len(told.options[PADDING]) > 300) == (468, True)
        assert (await ask(streams, Ask(edns=False))).options == {}
        asked = dataclasses.replace(GW, options=((KEEP_ALIVE, b""), (PADDING, bytes(40))))
        assert tenths(await ask(streams, asked)) == 100
        streams[1].write(b"".join(frame(dataclasses.replace(GW, id=n).packet()) for n in range(500)))
        ids = [int.from_bytes((await read(streams[0]))[:2], "big") for _ in range(500)]
        assert ids == list(range(500))
        streams[1].write(frame(HUGE.packet()))
        assert len(await read(streams[0])) > 5000
        streams[1].close()
        stats = node._stats()
        assert (stats["tls"], stats["tls_handshakes"], stats["tls_failed"]) == (504, 1, 0)

    serve(config(tmp_path, **secured(tmp_path, made)), talk)


def test_a_certificate_is_replaced_without_a_restart(tmp_path: Path) -> None:
    """New connections see the new one, old ones go on; a broken file changes nothing."""
    publish(tmp_path / "maps", 1)
    made = Certificates(tmp_path)

    async def talk(node: Node) -> None:
        async def dial() -> tuple[Streams, bytes]:
            streams = await connect(
                node.tls_addresses[0], ssl=made.client_context(), server_hostname="gw.test"
            )
            shown = streams[1].get_extra_info("ssl_object").getpeercert(binary_form=True)
            return streams, shown

        first, old = await dial()
        made.server().write_bytes(b"junk")
        await asyncio.sleep(0.1)
        assert (await dial())[1] == old
        made.server()
        async with asyncio.timeout(5):
            while (await dial())[1] == old:
                pass
        assert (await ask(first)).rcode == 0

    serve(config(tmp_path, **secured(tmp_path, made)), talk)


def test_handshakes_that_fail_and_too_many(tmp_path: Path) -> None:
    """Plain DNS, a client without trust, one that says nothing on: counted; beyond the budget: closed."""
    publish(tmp_path / "maps", 1)
    made = Certificates(tmp_path)

    async def talk(node: Node) -> None:
        place = node.tls_addresses[0]
        streams = await connect(place)
        streams[1].write(frame(GW.packet()))
        assert await is_closed(streams)
        with pytest.raises(ssl.SSLError):
            await connect(place, ssl=ssl.create_default_context(), server_hostname="gw.test")
        streams = await connect(place)
        streams[1].write(b"\x16\x03\x01\x02\x00\x01")
        assert await is_closed(streams)
        await until(lambda: node.answerer.counters.tls_failed == 3)
        assert node.answerer.counters.tls_handshakes == 3
        shed = 0
        for _ in range(30):
            try:
                await connect(place, ssl=made.client_context(), server_hostname="gw.test")
            except ConnectionError:
                shed += 1
        assert 0 < node._stats()["shed"]["handshakes"] == shed
        assert Told(await udp(node.addresses[0], GW.packet())).rcode == 0

    serve(
        config(tmp_path, tls_handshakes_per_second=5, tcp_idle_seconds=0.5, **secured(tmp_path, made)),
        talk,
    )


def test_tls_behind_a_proxy(tmp_path: Path) -> None:
    """The PROXY header goes before the handshake, in the clear."""
    publish(tmp_path / "maps", 1)
    made = Certificates(tmp_path)

    def dialled(place: tuple[str, int]) -> Told:
        with socket.create_connection(place, 5, ("127.0.0.2", 0)) as sock:
            sock.sendall(header(FROM_TOKYO))
            with made.client_context().wrap_socket(sock, server_hostname="gw.test") as channel:
                channel.sendall(frame(BY_RESOLVER.packet()))
                (length,) = struct.unpack(">H", channel.recv(2))
                return Told(channel.recv(length))

    async def talk(node: Node) -> None:
        told = await asyncio.to_thread(dialled, node.tls_addresses[0])
        assert told.lines("answer") == TOKYO

    serve(config(tmp_path, proxy_from=("127.0.0.2/32",), **secured(tmp_path, made)), talk)
