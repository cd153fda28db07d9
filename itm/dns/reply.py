"""A whole DNS message from its parts: header, question, sections, OPT with its options, truncation.

The general form, for everything that is not on the short path of `answer`. Sizes are bytes.
"""

from __future__ import annotations

import struct
from typing import Final

from itm.dns.name import MAX_NAME
from itm.dns.query import BADVERS, FORMERR, NOTAUTH, REFUSED, SERVFAIL, TYPE_NXNAME, Edns, Query
from itm.dns.wire import HEADER_BYTES, Body

QR: Final = 0x8000
TC: Final = 0x0200
RD: Final = 0x0100
DO: Final = 0x8000
UDP_LEAST_BYTES: Final = 512  # RFC 6891 6.2.3: a smaller offer counts as this
TCP_MOST_BYTES: Final = 65_535
EXTENDED_ERRORS: Final = {
    REFUSED: struct.pack(">HHH", 15, 2, 20),  # RFC 8914 4.21: Not Authoritative
    SERVFAIL: struct.pack(">HHH", 15, 2, 14),  # RFC 8914 4.15: Not Ready
}
INVALID_QUERY_TYPE: Final = struct.pack(">HHH", 15, 2, 30)
"""RFC 9824 3.2: the type stands in denials, nobody asks for it."""
EMPTY: Final = Body(0, b"", (0, 0, 0), b"", (0, 0, 0))


def most_bytes(query: Query, payload: int, tcp: bool) -> int:
    """Return how large the reply may be; `payload` is the largest UDP reply we send."""
    if tcp:
        return TCP_MOST_BYTES
    if query.edns is None:
        return UDP_LEAST_BYTES
    return max(UDP_LEAST_BYTES, min(query.edns.payload, payload))


def opt(payload: int, rcode: int, dnssec_ok: bool, options: bytes) -> bytes:
    """Return an OPT record, version 0, advertising `payload` (RFC 6891 6.1.2)."""
    flags = (rcode >> 4) << 24 | (DO if dnssec_ok else 0)
    return struct.pack(">BHHIH", 0, 41, payload, flags, len(options)) + options


def build(
    query: Query,
    body: Body,
    *,
    payload: int,
    tcp: bool,
    options: bytes = b"",
    most: int = TCP_MOST_BYTES,
    spare: int = 0,
) -> bytes:
    """Return the reply: all of the body, or what must be sent, or nothing and TC; `spare` bytes stay free.

    It has `most` bytes at most, fewer where the transport or the query say so. An OPT is there
    exactly when the query had one, in truncated replies too.
    """
    tail = opt(payload, 0, query.edns.dnssec_ok, options) if query.edns is not None else b""
    most = min(most, most_bytes(query, payload, tcp)) - spare
    room = most - HEADER_BYTES - len(query.question) - len(tail)
    flags, records, counts = body.flags, body.full, body.full_counts
    if len(records) > room:
        records, counts = body.least, body.least_counts
    if len(records) > room:
        flags, records, counts = flags | TC, b"", (0, 0, 0)
    return _header(query, flags, counts, bool(tail)) + query.question + records + tail


def slip(made: bytes, question: bytes, payload: int, *, has_opt: bool) -> bytes:
    """Return a reply cut down to its question, with TC: the client may come back over TCP.

    `has_opt`: whether the query had an OPT, which the reply then has too.
    """
    flags = int.from_bytes(made[2:4], "big") & ~0x000F | TC
    tail = opt(payload, 0, False, b"") if has_opt else b""
    counts = (1 if question else 0, 0, 0, 1 if tail else 0)
    return made[:2] + struct.pack(">5H", flags, *counts) + question + tail


def error(query: Query, *, payload: int, options: bytes = b"") -> bytes:
    """Return the reply to a query that is answered with its rcode only."""
    rcode = query.rcode
    options += EXTENDED_ERRORS.get(rcode, b"")
    if rcode == FORMERR and query.qtype == TYPE_NXNAME:
        options += INVALID_QUERY_TYPE
    edns = query.edns
    if rcode == BADVERS and edns is None:
        edns = Edns(payload, 0, False)
    tail = opt(payload, rcode, edns.dnssec_ok, options) if edns is not None else b""
    signature = _tsig_error(query) if rcode == NOTAUTH and query.tsig_error else b""
    header = _header(query, rcode & 0xF, (0, 0, int(bool(signature))), bool(tail))
    return header + query.question + tail + signature


def _header(query: Query, flags: int, counts: tuple[int, int, int], has_opt: bool) -> bytes:
    flags |= QR | query.opcode << 11 | (RD if query.recursion_desired else 0)
    answer, authority, additional = counts
    questions = 1 if query.question else 0
    return query.id + struct.pack(">5H", flags, questions, answer, authority, additional + has_opt)


def _tsig_error(query: Query) -> bytes:
    """Return the unsigned TSIG record that says BADKEY or BADSIG (RFC 8945 5.3.2); nothing if theirs is cut.

    Its fixed fields after the algorithm's name: time (6), fudge (2), MAC size (2), original id,
    error, other length.
    """
    owner, data = query.tsig or (b"\0", b"")
    end = 0
    while end < min(len(data), MAX_NAME) and data[end]:
        end += 1 + data[end]
    fixed = data[end + 1 : end + 9]
    if len(fixed) < 8 or data[end]:
        return b""
    rdata = data[: end + 1] + fixed + struct.pack(">H2sHH", 0, query.id, query.tsig_error, 0)
    return owner + struct.pack(">HHIH", 250, 255, 0, len(rdata)) + rdata
