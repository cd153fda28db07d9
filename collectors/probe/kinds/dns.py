"""DNS: one question over UDP or TCP (RFC 1035), answered with the rcode, and the record, that are wanted.

Recursion is desired, so that a resolver is asked as its clients do; a server that is the authority takes no
notice. A reply that does not match the question is not taken for one. Over UDP nothing is sent again: a lost
packet is a failed check, and `fall` of them in a row say something.
"""

from __future__ import annotations

import asyncio
import struct

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from collectors.probe.connection import connected
from collectors.probe.failure import Failed
from collectors.probe.finding import Finding
from collectors.probe.target import Target


async def check(target: Target) -> Finding:
    """Ask; raises `Failed` when the answer is another one than wanted."""
    query = dns.message.make_query(target.name, target.record_type)
    reply = await (_over_udp if target.transport == "udp" else _over_tcp)(target, query)
    rcode = dns.rcode.to_text(reply.rcode())
    if rcode != target.rcode:
        raise Failed(f"rcode {rcode}")
    if target.answer and not _holds(reply, target):
        if reply.flags & dns.flags.TC:
            raise Failed("the answer was truncated: ask over TCP")
        raise Failed(f"the answer does not hold {target.answer}")
    return Finding()


def _holds(reply: dns.message.Message, target: Target) -> bool:
    """Look for the record among those of the type asked for, as zone files write it, in any case."""
    kind = dns.rdatatype.from_text(target.record_type)
    texts = (record.to_text() for rrset in reply.answer if rrset.rdtype == kind for record in rrset)
    return target.answer.lower() in map(str.lower, texts)


class _Asked(asyncio.DatagramProtocol):
    """Waits for the reply to one query on a connected socket."""

    def __init__(self, query: dns.message.Message) -> None:
        self._query = query
        self.reply: asyncio.Future[dns.message.Message] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        """Take the reply to our question; anything else may be a forgery, and is waited past."""
        if not self.reply.done():
            try:
                self.reply.set_result(_read(data, self._query))
            except Failed:
                return

    def error_received(self, exc: Exception) -> None:
        """The port is closed (ICMP)."""
        if not self.reply.done():
            self.reply.set_exception(exc)


async def _over_udp(target: Target, query: dns.message.Message) -> dns.message.Message:
    loop = asyncio.get_running_loop()
    transport, asked = await loop.create_datagram_endpoint(
        lambda: _Asked(query), remote_addr=(target.address, target.port)
    )
    try:
        transport.sendto(query.to_wire())
        return await asked.reply
    finally:
        transport.abort()


async def _over_tcp(target: Target, query: dns.message.Message) -> dns.message.Message:
    wire = query.to_wire()
    async with connected(target) as connection:
        connection.writer.write(struct.pack("!H", len(wire)) + wire)
        (size,) = struct.unpack("!H", await connection.read_exactly(2))
        return _read(await connection.read_exactly(size), query)


def _read(data: bytes, query: dns.message.Message) -> dns.message.Message:
    try:
        reply = dns.message.from_wire(data, ignore_trailing=True)
    except dns.exception.DNSException as error:
        raise Failed(f"not DNS: {error}") from None
    if not query.is_response(reply):
        raise Failed("a reply to another question")
    return reply
