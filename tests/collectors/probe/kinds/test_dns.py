"""Against a server of ours that answers as told, over real sockets; unbound stands in tests/e2e."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from collectors.probe.check import check
from collectors.probe.outcome import Outcome
from collectors.probe.target import Target
from tests.collectors.probe.kinds.servers import listening

TARGET = Target("dns", "127.0.0.1", 0, 10.0, name="gw.example.net.")
ANSWERS = {"A": ("192.0.2.1", "192.0.2.2"), "TXT": ('"ready"',), "AAAA": ()}


def answer(wire: bytes) -> list[bytes]:
    """Answer a query; `forged.` first gets a reply with another id."""
    query = dns.message.from_wire(wire)
    question = query.question[0]
    reply = dns.message.make_response(query)
    if question.name.to_text().startswith("no."):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif question.name.to_text().startswith("long."):
        reply.flags |= dns.flags.TC
    else:
        texts = ANSWERS[dns.rdatatype.to_text(question.rdtype)]
        if texts:
            reply.answer.append(dns.rrset.from_text_list(question.name, 20, "IN", question.rdtype, texts))
    forged = dns.message.make_response(query)
    forged.id ^= 1
    forged.set_rcode(dns.rcode.REFUSED)
    return [b"noise", forged.to_wire(), reply.to_wire()]


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for reply in answer(data):
            self.transport.sendto(reply, addr)  # type: ignore[attr-defined]


async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    (size,) = struct.unpack("!H", await reader.readexactly(2))
    reply = answer(await reader.readexactly(size))[-1]
    writer.write(struct.pack("!H", len(reply)) + reply)


def asked(target: Target) -> Outcome:
    async def scenario() -> Outcome:
        if target.transport == "tcp":
            async with listening(stream) as port:
                return await check(replace(target, port=port))
        made = await asyncio.get_running_loop().create_datagram_endpoint(
            Datagrams, local_addr=("127.0.0.1", 0)
        )
        try:
            return await check(replace(target, port=made[0].get_extra_info("sockname")[1]))
        finally:
            made[0].close()

    return asyncio.run(scenario())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("expected", "detail"),
    [
        ({}, ""),
        ({"answer": "192.0.2.2"}, ""),
        ({"answer": "192.0.2.9"}, "the answer does not hold 192.0.2.9"),
        ({"record_type": "TXT", "answer": '"READY"'}, ""),
        ({"record_type": "AAAA", "answer": "2001:db8::1"}, "the answer does not hold 2001:db8::1"),
        ({"name": "no.example.net."}, "rcode NXDOMAIN"),
        ({"name": "no.example.net.", "rcode": "NXDOMAIN"}, ""),
        ({"rcode": "REFUSED"}, "rcode NOERROR"),
    ],
)
def test_the_answer_that_is_wanted(transport: str, expected: dict[str, str], detail: str) -> None:
    """Over both transports; noise and a forged reply are waited past."""
    outcome = asked(replace(TARGET, transport=transport, **expected))  # type: ignore[arg-type]
    assert (outcome.up, outcome.detail) == (not detail, detail)


def test_a_truncated_answer_says_so() -> None:
    """Over UDP a record may not fit; the reason says what to do."""
    outcome = asked(replace(TARGET, name="long.example.net.", answer="192.0.2.1"))
    assert outcome.detail == "the answer was truncated: ask over TCP"


def test_a_closed_port_is_refused_at_once() -> None:
    """The kernel hears of it by ICMP; nobody waits for the time limit."""

    async def scenario() -> Outcome:
        made = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        port = made[0].get_extra_info("sockname")[1]
        made[0].abort()
        await asyncio.sleep(0)
        return await check(replace(TARGET, port=port))

    assert asyncio.run(scenario()).detail == "connection refused"


def test_a_stream_that_is_no_dns_has_its_reason() -> None:
    """Garbage is named, and so is a stream that ends too soon."""

    async def scenario(answer: bytes) -> Outcome:
        async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(2)
            writer.write(answer)

        async with listening(garbage) as port:
            return await check(replace(TARGET, transport="tcp", port=port))

    assert asyncio.run(scenario(b"\0\5abcde")).detail.startswith("not DNS: ")
    assert asyncio.run(scenario(b"\0")).detail == "closed after 1 of 2 bytes"
