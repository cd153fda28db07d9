"""A DNS query read strictly, without I/O: header, one question, OPT, Client Subnet.

A query that is wrong in a way its sender should hear of carries the rcode to say so; one that must
not be answered at all (a reply, or less than a header) is None. Work per packet is bounded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from itm.dns import cookie, ecs
from itm.dns.ecs import ClientSubnet

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NOTIMP: Final = 4
REFUSED: Final = 5
NOTAUTH: Final = 9
BADVERS: Final = 16  # extended: needs OPT
BADSIG: Final = 16  # of TSIG, in its own field (RFC 8945 5.2)
BADKEY: Final = 17
BADTIME: Final = 18
BADTRUNC: Final = 22

TYPE_SOA: Final = 6
TYPE_OPT: Final = 41
TYPE_NXNAME: Final = 128
TYPE_TKEY: Final = 249
TYPE_TSIG: Final = 250
TYPE_IXFR: Final = 251
TYPE_AXFR: Final = 252
TYPE_MAILB: Final = 253
TYPE_MAILA: Final = 254
CLASS_IN: Final = 1
CLASS_CHAOS: Final = 3
OPTION_NSID: Final = 3
OPTION_KEEP_ALIVE: Final = 11
MAX_ADDITIONAL: Final = 4  # OPT, TSIG, and room for what a middle box adds
MAX_OPTIONS: Final = 64

_BAD_TYPES: Final = {
    TYPE_OPT: FORMERR,  # RFC 6895 3.1: meta-types are not questions
    TYPE_TSIG: FORMERR,
    TYPE_NXNAME: FORMERR,  # RFC 9824 3.2
    TYPE_TKEY: NOTIMP,
    TYPE_MAILA: NOTIMP,
    TYPE_MAILB: NOTIMP,
    TYPE_AXFR: REFUSED,
    TYPE_IXFR: REFUSED,
}


@dataclass(frozen=True, slots=True)
class Edns:
    """What the OPT record said. `plain`: nothing in it that changes the reply but at most one Client Subnet.

    `cookie` is the whole option of RFC 7873; NSID (RFC 5001) and keep-alive (RFC 7828) are asked for or not.
    """

    payload: int
    version: int
    dnssec_ok: bool
    subnet: ClientSubnet | None = None
    plain: bool = True
    cookie: bytes | None = None
    wants_nsid: bool = False
    wants_keep_alive: bool = False


@dataclass(slots=True)
class Query:
    """One query, filled by `parse` alone. `rcode` other than 0: only the error is to be answered.

    `question` holds the question section as sent (empty when there is none to echo), `name` the wire
    name in lower case. `tsig` is the TSIG record's (owner, data) when one came; `itm.dns.tsig` judges it:
    `signed_by` is the key's name, `tsig_error` what is wrong. `serial` is what IXFR starts at.
    """

    id: bytes
    opcode: int
    recursion_desired: bool
    rcode: int = NOERROR
    question: bytes = b""
    name: bytes = b""
    qtype: int = 0
    qclass: int = 0
    edns: Edns | None = None
    tsig: tuple[bytes, bytes] | None = None
    tsig_error: int = BADKEY
    signed_by: bytes | None = None
    serial: int | None = None

    @property
    def dnssec_ok(self) -> bool:
        """Whether the client wants signatures (RFC 3225)."""
        return self.edns is not None and self.edns.dnssec_ok

    @property
    def subnet(self) -> ClientSubnet | None:
        """The Client Subnet option, when one came."""
        return self.edns.subnet if self.edns is not None else None


class _FormError(Exception):
    """Inside this module only: the packet is cut or breaks the format."""


def parse(packet: bytes) -> Query | None:
    """Return the query, or None for what must not be answered (RFC 8906: replies, short packets)."""
    if len(packet) < 12 or packet[2] & 0x80:
        return None
    flags = packet[2]
    query = Query(packet[:2], flags >> 3 & 0xF, bool(flags & 1))
    try:
        _read(packet, query)
    except _FormError:
        query.rcode = FORMERR
    query.rcode = _rcode(query)
    return query


def _read(packet: bytes, query: Query) -> None:
    qdcount, ancount, nscount, arcount = struct.unpack_from(">4H", packet, 4)
    if qdcount == 0:
        _read_cookie_query(packet, (ancount, nscount, arcount), query)
        return
    if qdcount != 1:
        raise _FormError  # RFC 9619
    name, position = _name(packet, 12)
    if position + 4 > len(packet):
        raise _FormError
    qtype, query.qclass = struct.unpack_from(">HH", packet, position)
    position += 4
    query.name, query.qtype, query.question = name, qtype, packet[12:position]
    if ancount or nscount > (qtype == TYPE_IXFR):  # IXFR carries a SOA (RFC 1995 3)
        raise _FormError
    if nscount:
        position = _read_serial(packet, position, query)
    _read_additional(packet, position, arcount, query)


def _read_cookie_query(packet: bytes, counts: tuple[int, int, int], query: Query) -> None:
    """Read a query without a question: only a client that wants a cookie sends one (RFC 7873 5.4)."""
    if counts[:2] != (0, 0):
        raise _FormError
    _read_additional(packet, 12, counts[2], query)
    if query.edns is None or query.edns.cookie is None:
        raise _FormError
    query.qclass = CLASS_IN


def _read_serial(packet: bytes, position: int, query: Query) -> int:
    """Read the serial of IXFR's SOA, whose names may be compressed; return where the record ends."""
    while position < len(packet) and 0 < packet[position] < 64:
        position += 1 + packet[position]
    position += 1 if packet[position : position + 1] == b"\0" else 2  # the root, or a pointer
    if position + 10 > len(packet):
        raise _FormError
    rtype, _, _, length = struct.unpack_from(">HHIH", packet, position)
    position += 10 + length
    if rtype != TYPE_SOA or length < 22 or position > len(packet):
        raise _FormError
    (query.serial,) = struct.unpack_from(">I", packet, position - 20)
    return position


def _rcode(query: Query) -> int:
    """Return the rcode by what was found, the gravest first."""
    if query.opcode:
        return NOTIMP
    if query.rcode:
        return query.rcode
    if query.edns is not None and query.edns.version:
        return BADVERS
    if query.tsig is not None:
        return NOTAUTH
    return authenticated(query)


def authenticated(query: Query) -> int:
    """Return the rcode of a query without TSIG, or with a good one: graver faults come before it."""
    if query.qclass != CLASS_IN:
        return REFUSED
    return _BAD_TYPES.get(query.qtype, NOERROR)


def _name(packet: bytes, position: int) -> tuple[bytes, int]:
    """Return the lower-case name at `position`, uncompressed, and where it ends."""
    start = position
    end = len(packet)
    while position < end:
        length = packet[position]
        position += 1 + length
        if length == 0:
            if position - start > 255:
                raise _FormError
            return packet[start:position].lower(), position
        if length > 63:  # a pointer, or a label type that does not exist (RFC 6891 5)
            raise _FormError
    raise _FormError


def _read_additional(packet: bytes, position: int, count: int, query: Query) -> None:
    """Read the additional section; a bad OPT leaves its mark in `rcode` so that OPT is still echoed."""
    if count > MAX_ADDITIONAL:
        raise _FormError
    for index in range(count):
        owner, position = _name(packet, position)
        if position + 10 > len(packet):
            raise _FormError
        rtype, rclass, ttl, length = struct.unpack_from(">HHIH", packet, position)
        position += 10
        data = packet[position : position + length]
        position += length
        if rtype == TYPE_OPT:
            _read_opt(query, owner, rclass, ttl, data)
        elif rtype == TYPE_TSIG:
            if index != count - 1:  # RFC 8945 5.1: the last record
                raise _FormError
            query.tsig = owner, data
    if position != len(packet):
        raise _FormError


def _read_opt(query: Query, owner: bytes, payload: int, ttl: int, data: bytes) -> None:
    version, dnssec_ok = ttl >> 16 & 0xFF, bool(ttl & 0x8000)
    if owner != b"\0" or query.edns is not None:  # RFC 6891 6.1.1: one, at the root
        query.rcode = FORMERR
        query.edns = query.edns or Edns(payload, 0, False)
    elif version or not data:  # the options of another version are not ours to read
        query.edns = Edns(payload, version, dnssec_ok)
    else:
        query.edns = _edns(payload, dnssec_ok, _options(data), query)


def _edns(payload: int, dnssec_ok: bool, options: list[tuple[int, bytes]] | None, query: Query) -> Edns:
    """Return what the options say; a malformed one sets the rcode. Of two cookies the first counts."""
    given = options or []
    subnets = [ecs.parse(body) for code, body in given if code == ecs.OPTION]
    cookies = [body for code, body in given if code == cookie.OPTION]
    if options is None or len(subnets) > 1 or None in subnets or not all(map(cookie.is_well_formed, cookies)):
        query.rcode = FORMERR
    codes = {code for code, _ in given}
    return Edns(
        payload,
        0,
        dnssec_ok,
        subnet=subnets[0] if len(subnets) == 1 else None,
        plain=options is not None and codes <= {ecs.OPTION},
        cookie=cookies[0] if cookies and not query.rcode else None,
        wants_nsid=OPTION_NSID in codes,
        wants_keep_alive=OPTION_KEEP_ALIVE in codes,
    )


def _options(data: bytes) -> list[tuple[int, bytes]] | None:
    """Return the (code, data) of every option; None when one is cut or there are too many."""
    found: list[tuple[int, bytes]] = []
    position = 0
    while position < len(data):
        if position + 4 > len(data) or len(found) == MAX_OPTIONS:
            return None
        code, length = struct.unpack_from(">HH", data, position)
        position += 4 + length
        found.append((code, data[position - length : position]))
    return found if position == len(data) else None
