"""The node on real sockets of the loopback: UDP, TCP, maps and health that change under it."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import dns.message
import dns.tsig
import pytest

from itm.catalog.types import Secondary
from itm.dns.node import Node
from itm.routemap.current import path_of
from itm.routemap.current import publish as point
from itm.routemap.health import HealthWriter, State
from tests.itm.dns.asking import Ask, Told, demo_map
from tests.itm.dns.maps import publish
from tests.itm.dns.nodes import GW, Streams, config, connect, read, serve, udp


def _serve(tmp_path: Path, talk: Callable[[Node], Awaitable[None]], **settings: Any) -> None:
    serve(config(tmp_path, **settings), talk)


async def _udp(node: Node, packet: bytes, place: int = 0) -> bytes:
    return await udp(node.addresses[place], packet)


async def _connect(node: Node) -> Streams:
    return await connect(node.addresses[0])


def _framed(packet: bytes) -> bytes:
    return struct.pack(">H", len(packet)) + packet


async def _until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await check():  # noqa: ASYNC110 - what is waited for is seen only from outside
            await asyncio.sleep(0.01)


def test_both_families_and_both_transports(tmp_path: Path) -> None:
    """The same answer over UDP, UDP on IPv6 and TCP; truncation leads to TCP."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        answers = [await _udp(node, GW.packet()), await _udp(node, GW.packet(), 1)]
        reader, writer = await _connect(node)
        writer.write(_framed(GW.packet()))
        answers.append(await read(reader))
        assert len(set(answers)) == 1
        assert Told(answers[0]).lines("answer") == ["gw.example.net. 20 A 127.20.0.2"]
        huge = Ask("huge.example.net.", 16)
        assert Told(await _udp(node, huge.packet())).tc
        writer.write(_framed(huge.packet()))
        assert len(await read(reader)) > 5000
        writer.close()

    _serve(tmp_path, talk)
    stats = json.loads((tmp_path / "dns-0.json").read_text())
    assert (stats["map_version"], stats["queries"], stats["tcp"]) == (1, 5, 2)
    assert stats["pops"]["tyo"] == 3


def test_tcp_sessions(tmp_path: Path) -> None:
    """Pipelined, byte by byte, half-closed; then a reply and a zero length: closed, and the server lives."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        reader, writer = await _connect(node)
        asks = [dataclasses.replace(GW, id=n) for n in range(200)]
        writer.write(b"".join(_framed(ask.packet()) for ask in asks))
        ids = {int.from_bytes((await read(reader))[:2], "big") for _ in asks}
        assert ids == set(range(200))
        for byte in _framed(GW.packet()):
            writer.write(bytes([byte]))
            await writer.drain()
        assert Told(await read(reader)).lines("answer")
        writer.write(_framed(GW.packet()))
        writer.write_eof()
        assert Told(await read(reader)).lines("answer")
        assert await reader.read() == b""
        for bad in (_framed(b""), _framed(Ask(flags=0x8000).packet()), b"\0\x05junk"):
            reader, writer = await _connect(node)
            writer.write(bad)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        big = Ask("example.net.", 6, edns=False, extra=bytes(65000))
        reader, writer = await _connect(node)
        writer.write(_framed(big.packet()) + _framed(GW.packet()))
        assert Told(await read(reader)).rcode == 1
        assert Told(await read(reader)).rcode == 0
        writer.close()

    _serve(tmp_path, talk)


def test_a_client_that_never_reads(tmp_path: Path) -> None:
    """Answers are not piled up for it, others are served, and it is dropped when idle too long."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        reader, writer = await _connect(node)
        flood = _framed(Ask("huge.example.net.", 16).packet()) * 20_000
        writer.write(flood)
        await asyncio.sleep(0.1)
        assert Told(await _udp(node, GW.packet())).rcode == 0
        await asyncio.sleep(0.5)
        assert node.answerer.counters.tcp < 20_000
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(5000 * 20_000)
        writer.close()

    _serve(tmp_path, talk, tcp_idle_seconds=0.3)


def test_idle_and_too_many_connections(tmp_path: Path) -> None:
    """Idle ones and half a message are closed in time; a new one pushes the idlest out."""
    publish(tmp_path / "maps", 1)

    async def talk(node: Node) -> None:
        crowd = [await _connect(node) for _ in range(12)]
        await _until(lambda: _is_closed(crowd[0][0]))
        reader, writer = await _connect(node)
        writer.write(_framed(GW.packet()))
        assert Told(await read(reader)).rcode == 0
        assert Told(await _udp(node, GW.packet())).rcode == 0
        writer.write(_framed(GW.packet())[:9])
        assert await asyncio.wait_for(reader.read(), 5) == b""
        for _, each in [*crowd, (reader, writer)]:
            each.close()

    _serve(tmp_path, talk, tcp_connections=10, tcp_idle_seconds=0.4)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof()


def test_maps_and_health_change_under_it(tmp_path: Path) -> None:
    """A new map, a dead POP, a broken map: the answers follow, and the last good map stays."""
    writer = HealthWriter(tmp_path / "health")

    async def talk(node: Node) -> None:
        async def told() -> Told:
            return Told(await _udp(node, GW.packet()))

        assert (await told()).rcode == 2  # no map yet
        publish(tmp_path / "maps", 1)

        async def is_up() -> bool:
            return (await told()).rcode == 0

        await _until(is_up)
        writer.set({"tyo": State.DOWN})
        assert (await told()).lines("answer") == ["gw.example.net. 20 A 127.20.0.1"]
        publish(tmp_path / "maps", 2, ttl=33)

        async def is_new() -> bool:
            return (await told()).lines("answer") == ["gw.example.net. 33 A 127.20.0.1"]

        await _until(is_new)
        path_of(tmp_path / "maps", 3).write_bytes(path_of(tmp_path / "maps", 2).read_bytes()[:-1])
        point(tmp_path / "maps", 3)
        await asyncio.sleep(0.1)
        assert await is_new()
        point(tmp_path / "maps", 1)  # a rollback

        async def is_old() -> bool:
            return (await told()).lines("answer") == ["gw.example.net. 20 A 127.20.0.1"]

        await _until(is_old)

    _serve(tmp_path, talk)
    assert json.loads((tmp_path / "dns-0.json").read_text())["maps_refused"] == 1


def test_a_transfer_waits_for_its_client_and_nobody_for_it(tmp_path: Path) -> None:
    """A client that does not read holds no memory; queries on the connection and over UDP are answered."""
    whole = demo_map()
    zone = whole.zones[0]
    text = " ".join(['"' + "z" * 250 + '"'] * 16)
    more = "".join(f"h{n} 60 IN TXT ( {text} )\n" for n in range(800))
    zone = dataclasses.replace(zone, text=zone.text + more, secondaries=(Secondary("127.0.0.1"),))
    publish(tmp_path / "maps", 1, routemap=dataclasses.replace(whole, zones=(zone,)))

    async def talk(node: Node) -> None:
        reader, writer = await _connect(node)
        writer.write(_framed(Ask("example.net.", 252, id=1).packet()) + _framed(GW.packet()))
        first = await read(reader)
        ids = {int.from_bytes(first[:2], "big"), int.from_bytes((await read(reader))[:2], "big")}
        assert ids == {1, GW.id}  # the small answer does not wait for the end of the large one
        for _ in range(20):
            assert Told(await _udp(node, GW.packet())).lines("answer")
        writer.write_eof()
        records = 0
        while True:
            try:
                message = await read(reader)
            except asyncio.IncompleteReadError:
                break
            records += int.from_bytes(message[6:8], "big")
        assert records > 800
        reader, writer = await _connect(node)
        writer.write(_framed(Ask("example.net.", 252).packet()))
        await read(reader)
        assert node.transfers.running == 1
        writer.transport.abort()

        async def is_ended() -> bool:
            return node.transfers.running == 0

        await _until(is_ended)

    _serve(tmp_path, talk, tcp_idle_seconds=5)


def test_reloads_of_zones_lose_nothing(tmp_path: Path) -> None:
    """Queries over UDP and one TCP connection while a zone changes again and again, is wrong, and is mended:
    each gets an answer, from one of the versions, never from an older one than before.
    """
    whole = demo_map()
    ask = Ask("example.net.", 6)

    def version(number: int, text: str | None = None) -> None:
        zone = whole.zones[0]
        zone = dataclasses.replace(zone, text=text or zone.text.replace("2024010101", f"{number}"))
        publish(tmp_path / "maps", number, routemap=dataclasses.replace(whole, zones=(zone,)))

    async def talk(node: Node) -> None:
        reader, writer = await _connect(node)
        seen = []
        for number in range(2, 22):
            version(number, "no zone" if number % 5 == 0 else None)
            for _ in range(10):
                writer.write(_framed(ask.packet()))
                for wire in (await _udp(node, ask.packet()), await read(reader)):
                    (line,) = Told(wire).lines("answer")
                    seen.append(int(line.split()[5]))
                await asyncio.sleep(0.005)
        assert seen == sorted(seen)
        assert set(seen) <= {number for number in range(22) if number % 5 or not number}
        assert len(set(seen)) > 3

    version(1)
    _serve(tmp_path, talk)


def test_new_keys_are_taken_up_while_serving(tmp_path: Path) -> None:
    """The file of TSIG keys is looked at like the map: no restart."""
    publish(tmp_path / "maps", 1)
    path = tmp_path / "keys"

    def has(secret: bytes) -> None:
        aside = tmp_path / "aside"
        aside.write_text(f"k. hmac-sha256 {base64.b64encode(secret).decode()}\n")
        aside.chmod(0o600)
        aside.rename(path)

    async def talk(node: Node) -> None:
        async def is_signed(secret: bytes) -> bool:
            query = dns.message.make_query("example.net.", "SOA")
            query.use_tsig(dns.tsig.Key("k.", secret, "hmac-sha256."))
            reply = await _udp(node, query.to_wire())
            return reply[3] & 0xF == 0

        assert await is_signed(b"a" * 32)
        has(b"b" * 32)
        await _until(lambda: is_signed(b"b" * 32))
        assert not await is_signed(b"a" * 32)

    has(b"a" * 32)
    _serve(tmp_path, talk, tsig_keys=path)
