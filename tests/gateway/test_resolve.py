"""Names to addresses: by the system, or by name servers of the operator's choice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.message
import dns.rrset
import pytest

from gateway.errors import ConfigError, Unreachable
from gateway.resolve import SYSTEM_SECONDS, Answer, by_servers, by_system, parse_servers

Records = dict[tuple[str, str], tuple[int, tuple[str, ...]]]


class NameServer(asyncio.DatagramProtocol):
    """Answers from a table of (name, type) to (TTL, data); a name in no row does not exist."""

    def __init__(self, records: Records) -> None:
        self.records, self.asked = records, list[str]()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append(f"{name} {kind}")
        response = dns.message.make_response(query)
        if not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        while (alias := self.records.get((name, "CNAME"))) is not None:
            response.answer.append(dns.rrset.from_text(name, alias[0], "IN", "CNAME", *alias[1]))
            name = alias[1][0]
        if (found := self.records.get((name, kind))) is not None:
            response.answer.append(dns.rrset.from_text(name, found[0], "IN", kind, *found[1]))
        assert self.transport is not None
        self.transport.sendto(response.to_wire(), address)


@asynccontextmanager
async def serving(records: Records) -> AsyncIterator[tuple[NameServer, tuple[str, int]]]:
    server = NameServer(records)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()


def test_both_families_and_the_shorter_time() -> None:
    """A and AAAA, through an alias; the answer holds as long as its shortest record."""

    async def story() -> None:
        records: Records = {
            ("gw.example.", "CNAME"): (300, ("pop.example.",)),
            ("pop.example.", "A"): (20, ("192.0.2.1", "192.0.2.2")),
            ("pop.example.", "AAAA"): (30, ("2001:db8::1",)),
        }
        async with serving(records) as (server, address):
            answer = await by_servers([address])("gw.example")
            assert (sorted(answer.addresses[:2]), answer.addresses[2:]) == (
                ["192.0.2.1", "192.0.2.2"],
                ("2001:db8::1",),
            )
            assert answer.seconds == 20.0
            assert sorted(server.asked) == ["gw.example. A", "gw.example. AAAA"]

    asyncio.run(story())


def test_one_family_is_enough() -> None:
    """A name without AAAA resolves."""

    async def story() -> None:
        async with serving({("gw.example.", "A"): (20, ("192.0.2.1",))}) as (_, address):
            assert await by_servers([address])("gw.example") == Answer(("192.0.2.1",), 20.0)

    asyncio.run(story())


def test_the_next_server_is_asked_when_one_is_dead() -> None:
    """Nobody listens at the first address."""

    async def story() -> None:
        async with serving({("gw.example.", "A"): (20, ("192.0.2.1",))}) as (_, address):
            assert (await by_servers([("127.0.0.1", 1), address])("gw.example")).addresses == ("192.0.2.1",)

    asyncio.run(story())


def test_what_does_not_resolve_is_named() -> None:
    """No such name, no address, no server; an address needs no server."""

    async def story() -> None:
        async with serving({("gw.example.", "TXT"): (20, ("x",))}) as (_, address):
            for name in ("other.example", "gw.example"):
                with pytest.raises(Unreachable, match=name):
                    await by_servers([address])(name)
        with pytest.raises(Unreachable, match=r"gw\.example"):
            await by_servers([("127.0.0.1", 1)])("gw.example")
        assert (await by_servers([("127.0.0.1", 1)])("192.0.2.7")).addresses == ("192.0.2.7",)

    asyncio.run(story())


def test_the_system() -> None:
    """Without servers it is asked, and tells no time."""

    async def story() -> None:
        answer = await by_servers([])("127.0.0.1")
        assert answer == Answer(("127.0.0.1",), SYSTEM_SECONDS)
        with pytest.raises(Unreachable):
            await by_system("no-such-name.invalid")

    asyncio.run(story())


def test_servers_as_written() -> None:
    """Addresses with or without a port; a name is refused, it would need a resolver itself."""
    texts = ["192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353", "[2001:db8::1]"]
    v4, v6 = "192.0.2.1", "2001:db8::1"
    assert parse_servers(texts) == ((v4, 53), (v4, 5353), (v6, 53), (v6, 5353), (v6, 53))
    for wrong in ("ns.example:53", "ns.example", "192.0.2.1:x"):
        with pytest.raises(ConfigError):
            parse_servers([wrong])


def test_the_library_is_loaded_when_it_is_used() -> None:
    """A launcher that asks the system does not pay for it."""
    code = "import sys, gateway.launch.program; sys.exit('dns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
