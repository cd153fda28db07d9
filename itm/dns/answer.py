"""Packet in, packet out: the answering function of UDP, TCP and whatever comes later.

Two paths give the same bytes. The short one serves a well-formed question whose shape (header flags,
OPT, Client Subnet prefix) was seen before, for a name and type whose answer lies ready: two look-ups,
one longest-prefix search, one join. A cookie is cut out, the rest answered so, and its answer put in.
Everything else takes the long path, through `query.parse`; so do the names of browser sessions.

Why the short path may skip parsing the name: a dictionary key is a valid lower-case wire name, and
`bytes.lower` maps no byte onto a length byte (1..63), so a hit means the packet's labels parse to it.
"""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from itm.dns import cookie, proof, reply, transfer, tsig
from itm.dns.amplification import NO_LIMIT, Factors, most_bytes
from itm.dns.asked import V6, Taken
from itm.dns.book import Book, empty
from itm.dns.counters import Counters
from itm.dns.ecs import FAMILIES, ClientSubnet
from itm.dns.entry import SIGNED_PAYLOAD, Entry
from itm.dns.identity import Identity
from itm.dns.lookup import lookup
from itm.dns.query import NOTAUTH, REFUSED, SERVFAIL, Edns, Query, parse
from itm.dns.ratelimit import Kind, RateLimit, Verdict, kind_of
from itm.dns.rdata import RRSIG
from itm.dns.sessions import Resolution, session_of
from itm.dns.tsig import Keys, Session
from itm.dns.wire import AA, Body
from itm.routemap.health import HealthReader

log = logging.getLogger(__name__)

MAX_SHAPES: Final = 4096
MAX_PEERS: Final = 16_384

_FAILED: Final = struct.pack(">5H", reply.QR | SERVFAIL, 0, 0, 0, 0)
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96

Shape = tuple[bytes, bool, int, int, int, int, bool, tuple[bytes, ...]]
"""(reply flags, DO?, address octets, shifts left and right from address to unit, host bits, IPv6?, OPT by
scope).

Octets 0: no location, the one OPT is whole. No OPT: no EDNS.
"""


class Answerer:
    """Answers from `book` under the states in `health` (None: all up). One per process, one thread."""

    def __init__(
        self,
        book: Book | None = None,
        health: HealthReader | None = None,
        *,
        payload: int = 1232,
        counters: Counters | None = None,
        identity: Identity | None = None,
        limit: RateLimit | None = None,
        clock: Callable[[], float] = time.time,
        factors: Factors | None = None,
        tell: Callable[[Resolution], None] | None = None,
    ) -> None:
        self.counters = counters or Counters()
        self._health = health
        self._sequence = -1
        self._payload = payload
        self.identity = identity or Identity()
        """Replaced when the operator's secrets change."""
        self._limit = limit
        self._clock = clock
        self.keys: Keys = {}
        """Replaced when the operator's TSIG keys change."""
        self._factors = factors or Factors()
        self._tell = tell
        self._shapes: dict[bytes, Shape] = {}
        self._peers: dict[str, tuple[int, int]] = {}
        self._asked: list[Taken] = []  # of books that are answered from no more
        self._book = empty()
        self.use(book or self._book)

    @property
    def book(self) -> Book:
        """The book in use."""
        return self._book

    def use(self, book: Book, sequence: int = -1) -> None:
        """Answer from this book from now on; `sequence` is that of the health it was made by, if any."""
        self.counters.use_pops(book.pop_ids)
        self._asked += self._book.take_asked()
        self._short = book.short
        self._book = book
        self._sequence = sequence
        self.check_health()

    def take_asked(self) -> list[Taken]:
        """Return who asked for which service since the last time."""
        taken, self._asked = [*self._asked, *self._book.take_asked()], []
        return taken

    def check_health(self) -> None:
        """Take over what the health table says if it changed; cheap when it did not."""
        health = self._health
        if health is not None and health.sequence() != self._sequence:
            self._sequence = health.sequence()  # before the content: a change in between is seen later
            self._book.apply(health.read())

    def answer(self, packet: bytes, peer: str, tcp: bool = False) -> bytes | None:
        """Return the reply to a packet from the address `peer`, None when it must not get one.

        Never raises: a bug of ours is logged and answered SERVFAIL.
        """
        made = self._answer_short(packet, peer, 0 if tcp else len(packet))
        if made is None:
            return self._answer_cookie(packet, peer, tcp)
        if self._limit is None or tcp:
            return made
        return self._limited(made, packet[12 : packet.find(0, 12) + 5], peer, packet[11] != 0)

    def _answer_short(self, packet: bytes, peer: str, asked: int, extra: int = 0) -> bytes | None:
        """Return the reply if it lies ready, None if the packet needs more thought.

        With `extra` bytes added it must not pay for spoofing a query of `asked` bytes; 0: nobody could.
        """
        end = packet.find(0, 12) + 1
        tail = end + 4
        try:
            entry = self._short[packet[12:end].lower()][packet[end:tail]]
            shape = self._shapes[packet[2:12] + packet[tail : tail + 19]]
        except KeyError:
            return None
        flags, is_signed, octets, left, right, host_bits, is_v6, opts = shape
        factor = self._factors.plain
        if is_signed and entry.signed is not None:
            entry, factor = entry.signed, self._factors.signed
            if not entry.short:
                return None
        address = packet[tail + 19 :]
        value = int.from_bytes(address, "big")
        if len(address) != octets or value & host_bits:
            return None
        choice = scope = unit = 0
        steering = entry.steering
        if steering is not None:
            if not octets:
                family, unit = self._unit_of_peer(peer)
                choice = steering.locate_resolver(family, unit)
                is_v6 = family == 6
            else:
                unit = value << left >> right
                choice, scope = steering.locate6(unit) if is_v6 else steering.locate4(unit)
        with_opt, without, records = entry.short[choice]
        if opts:
            made = b"".join((packet[:2], flags, with_opt, packet[12:tail], records, opts[scope], address))
        else:
            made = b"".join((packet[:2], flags, without, packet[12:tail], records))
        if asked and len(made) + extra > most_bytes(asked, factor):
            return None
        counters = self.counters
        if octets:
            counters.ecs += 1
        if steering is None:
            counters.static += 1
        else:
            counters.pops[choice] += 1
            if (counted := entry.asked) is not None:  # as `Asked.note`, without a call
                (counted.named if octets else counted.plain).append(unit | V6 if is_v6 else unit)
        return made

    def _answer_cookie(self, packet: bytes, peer: str, tcp: bool) -> bytes | None:
        """Answer a packet with a cookie as one without, with the cookie's answer before the other option."""
        cookies = self.identity.cookies
        found = cookie.cut(packet, packet.find(0, 12) + 5) if cookies is not None else None
        if cookies is None or found is None:
            return self._answer_long(packet, peer, tcp)
        option, is_known = cookies.answer(found.data, peer)
        asked = 0 if tcp or is_known else len(packet)
        made = self._answer_short(found.without, peer, asked, len(option))
        if made is None:
            return self._answer_long(packet, peer, tcp)
        at = len(made) - found.rest
        length = (len(option) + found.rest).to_bytes(2, "big")
        made = b"".join((made[: at - 2], length, option, made[at:]))
        if self._limit is None or tcp or is_known:
            return made
        return self._limited(made, packet[12 : packet.find(0, 12) + 5], peer, True)

    def _answer_long(self, packet: bytes, peer: str, tcp: bool) -> bytes | None:
        try:
            query = parse(packet)
            if query is None:
                self.counters.dropped += 1
                return None
            session = tsig.judge(packet, query, self.keys, self._clock()) if query.rcode == NOTAUTH else None
            made, is_known = self._respond(query, packet, peer, tcp, session)
            if self._limit is None or tcp or is_known:
                return made
            return self._limited(made, query.question, peer, query.edns is not None)
        except Exception:
            self.counters.failures += 1
            if self.counters.failures.bit_count() == 1:  # at 1, 2, 4, 8 …: a flood must not fill the disk
                log.exception("dns.failure", extra={"failures": self.counters.failures})
            return packet[:2] + _FAILED

    def _respond(
        self, query: Query, packet: bytes, peer: str, tcp: bool, session: Session | None
    ) -> tuple[bytes, bool]:
        """Return the reply, signed as its query was, and whether a cookie proves the peer's address."""
        options, is_known = self.identity.options(query, peer, tcp=tcp)
        body, scope = self._told(query, peer, tcp)
        if body is None:
            made = self._refuse(query, options)
            return made if session is None else session.sign(made, self._clock()), is_known
        subnet = query.subnet
        self.counters.ecs += subnet is not None and not subnet.is_hidden
        self._learn(packet, query)
        options += subnet.option(scope) if subnet is not None else b""
        is_proved = tcp or is_known or session is not None
        most = most_bytes(len(packet), NO_LIMIT if is_proved else self._factor(query))
        if self._tell is not None and not self._hears(query, peer, is_proved=is_proved):
            most = 0
        spare = 0 if session is None else session.room
        made = reply.build(
            query, body, payload=self._payload, tcp=tcp, options=options, most=most, spare=spare
        )
        return made if session is None else session.sign(made, self._clock()), is_known

    def _hears(self, query: Query, peer: str, *, is_proved: bool) -> bool:
        """Tell who resolves a session's name; False where anybody could have sent the query in its name.

        Such a reply leads to TCP: nobody shall put clients behind a resolver that he cannot make ask us.
        """
        session = session_of(query.name, self._book.probe_zone)
        if session is None or self._tell is None:
            return True
        if not is_proved:
            self.counters.sessions_unproved += 1
            return False
        subnet = query.subnet
        named = subnet.unit() if subnet is not None and not subnet.is_hidden else None
        self._tell(Resolution(session, unit_of(peer), named))
        return True

    def _factor(self, query: Query) -> int:
        zone = self._book.zone_of(query.name, query.qtype) if query.dnssec_ok else None
        has_signatures = zone is not None and zone.chain is not None
        return self._factors.signed if has_signatures else self._factors.plain

    def _told(self, query: Query, peer: str, tcp: bool) -> tuple[Body | None, int]:
        """Return what is answered with its scope; None for an error, which then stands in the query."""
        chaos = self.identity.chaos(query) if query.rcode == REFUSED else None
        if chaos is not None:
            query.rcode = 0
            return self._counted(chaos, 0), 0
        latest = transfer.latest(self._book, query, peer, tcp=tcp) if query.rcode == REFUSED else None
        if latest is not None:
            query.rcode = 0
            return self._counted(latest, 0), 0
        if query.rcode:
            return None, 0
        if not query.question:  # a cookie alone was asked for
            return self._counted(reply.EMPTY, 0), 0
        zone = self._book.zone_of(query.name, query.qtype)
        if zone is None:
            # Without a map nobody can say what is not ours: resolvers try the next server after SERVFAIL.
            query.rcode = SERVFAIL if self._book.routemap is None else REFUSED
            return None, 0
        outcome = lookup(zone, query.name, query.qtype)
        if outcome.is_steered:
            entry = self._book.entry(query.name, query.qtype)
            if query.dnssec_ok and entry.signed is not None:
                entry = entry.signed
            return self._steered(entry, query.subnet, peer)
        if query.qtype == RRSIG and outcome.authoritative:  # at a cut they are the child's to give
            outcome = proof.rrsigs(zone, query.name, self._book.zones.sign) or outcome
        body = self._book.body(zone, query.name, outcome, dnssec=query.dnssec_ok)
        return self._counted(body, outcome.rcode), 0

    def _counted(self, body: Body, rcode: int) -> Body:
        self.counters.by_rcode[rcode] += 1
        return body

    def _refuse(self, query: Query, options: bytes) -> bytes:
        self.counters.by_rcode[query.rcode] += 1
        return reply.error(query, payload=self._payload, options=options)

    def _limited(self, made: bytes, question: bytes, peer: str, has_opt: bool) -> bytes | None:
        """Return the reply, a truncated one that leads to TCP, or None, by what the peer's network had."""
        if self._limit is None:
            return made
        kind = kind_of(made)
        name = self._book.speaker(question[:-4].lower()) if kind is Kind.ANSWER else b""
        verdict = self._limit.judge(peer, kind, name)
        if verdict is Verdict.SEND:
            return made
        self.counters.limited += 1
        if verdict is Verdict.DROP:
            return None
        self.counters.slipped += 1
        return reply.slip(made, question, self._payload, has_opt=has_opt)

    def _steered(self, entry: Entry, subnet: ClientSubnet | None, peer: str) -> tuple[Body, int]:
        choice = scope = 0
        if entry.steering is None:
            self.counters.static += 1
            return entry.bodies[choice], scope
        is_named = subnet is not None and not subnet.is_hidden
        if subnet is None or not is_named:
            family, unit = self._unit_of_peer(peer)
            choice = entry.steering.locate_resolver(family, unit)
        else:
            family, unit = subnet.unit()
            locate = entry.steering.locate4 if family == 4 else entry.steering.locate6
            choice, scope = locate(unit)
        self.counters.pops[choice] += 1
        if entry.asked is not None:
            entry.asked.note(family, unit, is_named=is_named)
        return entry.bodies[choice], scope

    def _unit_of_peer(self, peer: str) -> tuple[int, int]:
        """Return family and unit of a resolver's own address."""
        where = self._peers.get(peer)
        if where is None:
            if len(self._peers) >= MAX_PEERS:
                self._peers.clear()
            where = self._peers[peer] = unit_of(peer)
        return where

    def _learn(self, packet: bytes, query: Query) -> None:
        """Remember the shape of a packet that the long path found well formed, for the short path."""
        tail = 12 + len(query.question)
        edns = query.edns
        if edns is not None and edns.cookie is not None:
            found = cookie.cut(packet, tail)
            if found is None:
                return
            packet, edns = found.without, replace(edns, plain=True)
        key = packet[2:12] + packet[tail : tail + 19]
        if key not in self._shapes:
            shape = _shape(packet, edns, self._payload)
            if shape is not None:
                if len(self._shapes) >= MAX_SHAPES:
                    self._shapes.clear()
                self._shapes[key] = shape


def unit_of(address: str) -> tuple[int, int]:
    """Return (4 or 6, unit number) of a peer's address text; an IPv4-mapped one counts as IPv4."""
    if ":" not in address:
        return 4, int.from_bytes(socket.inet_aton(address)[:3], "big")
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    if packed[:12] == _MAPPED:
        return 4, int.from_bytes(packed[12:15], "big")
    return 6, int.from_bytes(packed[:6], "big")


def _shape(packet: bytes, edns: Edns | None, payload: int) -> Shape | None:
    subnet = edns.subnet if edns is not None else None
    records = int.from_bytes(packet[10:12], "big")
    if packet[6:10] != bytes(4) or records != (edns is not None) or not (edns is None or edns.plain):
        return None
    flags = (reply.QR | AA | (packet[2] & 1) << 8).to_bytes(2, "big")
    if edns is None:
        return flags, False, 0, 0, 0, 0, False, ()
    if edns.dnssec_ok and min(edns.payload, payload) < SIGNED_PAYLOAD:
        return None
    option = subnet.option(0) if subnet is not None else b""
    whole = reply.opt(payload, 0, edns.dnssec_ok, option)
    if subnet is None or subnet.is_hidden:
        return flags, edns.dnssec_ok, 0, 0, 0, 0, False, (whole,)
    family, _, unit_bits = FAMILIES[subnet.family]
    octets = len(subnet.address)
    head = whole[: -octets - 1]  # up to the scope
    return (
        flags,
        edns.dnssec_ok,
        octets,
        max(0, unit_bits - 8 * octets),
        max(0, 8 * octets - unit_bits),
        0xFF >> (subnet.source % 8 or 8),
        family == 6,
        tuple(head + bytes((scope,)) for scope in range(unit_bits + 1)),
    )
