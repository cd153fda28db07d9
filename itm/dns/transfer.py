"""Zone transfers out (RFC 5936, 1995): who may have a zone, and the messages that carry it.

A transfer is made message by message as its client takes them, from one book, whatever comes live meanwhile.
Incremental requests get the whole zone, or the SOA alone when that is all there is to say. Knows no socket.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

from itm.catalog.types import ZoneText
from itm.dns import flatzone, reply, serial, tsig
from itm.dns.book import Book
from itm.dns.lookup import Outcome
from itm.dns.name import decode, encode
from itm.dns.query import CLASS_IN, NOTAUTH, REFUSED, SERVFAIL, TYPE_AXFR, TYPE_IXFR, Query, parse
from itm.dns.rdata import RRset
from itm.dns.tsig import Keys, Session
from itm.dns.wire import AA, HEADER_BYTES, Body, Writer, compose
from itm.dns.zone import Zone

log = logging.getLogger(__name__)

MESSAGE_BYTES: Final = 8192
"""Most of one message, made between other answers in about a millisecond. A larger record goes alone."""
MOST_TRANSFERS: Final = 8
"""At a time, per worker; what is too many is told SERVFAIL and comes again."""
RECORD_BYTES: Final = 10
"""Type, class, TTL and length of a record."""
OPT_BYTES: Final = 11


class Transfers:
    """Starts transfers; there are never more than `MOST_TRANSFERS` that were begun and not ended."""

    def __init__(self, clock: Callable[[], float], *, payload: int) -> None:
        self._clock, self._payload = clock, payload
        self.running = 0
        """Transfers that were begun and not ended."""

    def begin(self, packet: bytes, peer: str, book: Book, keys: Keys) -> Generator[bytes] | None:
        """Return the messages of a transfer that a TCP query asks for and may have; None: answer as ever."""
        query = parse(packet) if is_asked(packet) else None
        if query is None:
            return None
        session = None
        if query.rcode == NOTAUTH:
            session = tsig.judge(packet, query, keys, self._clock())
        zone = _zone_for(book, query, peer)
        if zone is None or _has_it(zone, query):
            return None
        return self._send(query, book, zone, session)

    def _send(self, query: Query, book: Book, zone: Zone, session: Session | None) -> Generator[bytes]:
        def sign(message: bytes) -> bytes:
            return message if session is None else session.sign(message, self._clock())

        if self.running >= MOST_TRANSFERS:
            query.rcode = SERVFAIL
            yield sign(reply.error(query, payload=self._payload))
            return
        self.running += 1
        try:
            spare = 0 if session is None else session.room
            records = flatzone.rrsets(zone, book.names, book.zones.sign)
            for body in bodies(query, records, zone.soa, MESSAGE_BYTES - spare):
                yield sign(reply.build(query, body, payload=self._payload, tcp=True, spare=spare))
            told = {"zone": decode(zone.origin), "serial": serial.of(zone.soa)}
            log.info("zone.transferred", extra=told | {"key": decode(query.signed_by or b"\0")})
        finally:
            self.running -= 1


def is_asked(packet: bytes) -> bool:
    """Whether a packet looks like a request for a transfer; a cheap look at the first question."""
    end = packet.find(0, HEADER_BYTES) + 1
    return packet[end : end + 2] in {TYPE_AXFR.to_bytes(2, "big"), TYPE_IXFR.to_bytes(2, "big")}


def latest(book: Book, query: Query, peer: str, *, tcp: bool) -> Body | None:
    """Return the SOA alone: to an IXFR over UDP, or when there is nothing later (RFC 1995 2, 4)."""
    if query.qtype != TYPE_IXFR:
        return None
    zone = _zone_for(book, query, peer)
    if zone is None or (tcp and not _has_it(zone, query)):
        return None
    return compose(Outcome(answer=(zone.soa,)), query.name)


def may_have(zone: ZoneText, peer: str, signed_by: bytes | None) -> bool:
    """Whether a request from an address, signed with a key or not, comes from a secondary of the zone."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    for one in zone.secondaries:
        if one.key and signed_by == encode(one.key):
            return True
        if not one.key and address == ipaddress.ip_address(one.address):
            return True
    return False


def bodies(query: Query, records: Iterable[RRset], soa: RRset, room: int) -> Iterator[Body]:
    """Give the records, the SOA again behind them (RFC 5936 2.2), in messages of at most `room` bytes."""
    head = HEADER_BYTES + len(query.question) + (OPT_BYTES if query.edns is not None else 0)
    writer, count = Writer(query.name, query.name), 0
    for one in _single(records, soa):
        size = len(one.owner) + RECORD_BYTES + len(one.rdatas[0].wire)
        if count and head + len(writer.out) + size > room:
            yield _body(writer, count)
            writer, count = Writer(query.name, query.name), 0
        count += writer.rrsets((one,))
    yield _body(writer, count)


def _single(records: Iterable[RRset], soa: RRset) -> Iterator[RRset]:
    for rrset in records:
        if len(rrset.rdatas) == 1:
            yield rrset
        else:
            yield from (RRset(rrset.owner, rrset.rtype, rrset.ttl, (rdata,)) for rdata in rrset.rdatas)
    yield soa


def _body(writer: Writer, count: int) -> Body:
    made = bytes(writer.out)
    return Body(AA, made, (count, 0, 0), made, (count, 0, 0))


def _zone_for(book: Book, query: Query, peer: str) -> Zone | None:
    """Return the zone that is asked for, if the asker may have it."""
    if query.rcode != REFUSED or query.qclass != CLASS_IN or query.qtype not in {TYPE_AXFR, TYPE_IXFR}:
        return None
    for text in book.zones.texts:
        if encode(text.name.lower()) == query.name and may_have(text, peer, query.signed_by):
            return book.zones.zones[query.name]
    return None


def _has_it(zone: Zone, query: Query) -> bool:
    """Whether the asker's serial is ours, or later."""
    return query.serial is not None and not serial.is_later(serial.of(zone.soa), query.serial)
