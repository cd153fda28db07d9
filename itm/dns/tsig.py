"""TSIG (RFC 8945): whether a request was signed with a key of ours, and the signatures of the replies to it.

Works on raw messages; the arithmetic is dnspython's. Where keys come from stands in `itm.dns.tsigkeys`, what
a key's owner may have in `itm.dns.transfer`.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import dns.exception
import dns.name
import dns.rdata
import dns.tsig
from dns.rdataclass import ANY
from dns.rdatatype import TSIG
from dns.rdtypes.ANY.TSIG import TSIG as TsigRdata  # noqa: N811 - the record's own spelling

from itm.dns.query import BADKEY, BADSIG, BADTIME, BADTRUNC, FORMERR, Query, authenticated

Key = dns.tsig.Key
Keys = Mapping[bytes, Key]
"""By lower-case wire name."""

FUDGE_SECONDS: Final = 300  # RFC 8945 10
MAC_BYTES: Final = {
    dns.tsig.HMAC_SHA256: 32,
    dns.tsig.HMAC_SHA384: 48,
    dns.tsig.HMAC_SHA512: 64,
}
LEAST_MAC_BYTES: Final = 10  # RFC 8945 5.2.2.1

_FIXED_BYTES: Final = 10 + 16  # of the record behind its name, of its data behind the algorithm's
_record: Callable[..., TsigRdata] = TsigRdata
_sign: Callable[..., tuple[TsigRdata, Any]] = dns.tsig.sign


@dataclass(slots=True)
class Session:
    """Signs the replies to one request, in order (RFC 8945 5.3.1); `mac` is the request's.

    After a request that was not good in time, `error` and `other` say so, and `at` is the client's own time.
    """

    key: Key
    mac: bytes
    error: int = 0
    other: bytes = b""
    at: int | None = None
    _context: Any = field(default=None, repr=False)

    @property
    def room(self) -> int:
        """Bytes that a signature takes."""
        names = len(_wire(self.key.name)) + len(_wire(self.key.algorithm))
        return names + _FIXED_BYTES + MAC_BYTES[self.key.algorithm] + len(self.other)

    def sign(self, message: bytes, now: float) -> bytes:
        """Return the message with its signature behind it; `now` in seconds since 1970."""
        number = int.from_bytes(message[:2], "big")
        blank = _record(ANY, TSIG, self.key.algorithm, 0, FUDGE_SECONDS, b"", number, self.error, self.other)
        at = int(now) if self.at is None else self.at
        signed, self._context = _sign(message, self.key, blank, at, self.mac, self._context, True)
        data = signed.to_wire() or b""
        record = _wire(self.key.name) + struct.pack(">HHIH", TSIG, ANY, 0, len(data)) + data
        return _with_additional(message, 1) + record


def judge(packet: bytes, query: Query, keys: Keys, now: float) -> Session | None:
    """Return how replies to a query that carries TSIG are signed; None: not at all.

    The query's rcode becomes what it would be without TSIG if all is well (RFC 8945 5.2, in its order: key,
    MAC, truncation, time), else NOTAUTH with its `tsig_error`, or FORMERR.
    """
    owner, data = query.tsig or (b"", b"")
    key = keys.get(owner)
    theirs = _read(data)
    if theirs is None:
        query.rcode = FORMERR
        return None
    if key is None or theirs.algorithm != key.algorithm:
        query.tsig_error = BADKEY
        return None
    size = MAC_BYTES[key.algorithm]
    if not max(LEAST_MAC_BYTES, size // 2) <= len(theirs.mac) <= size:
        query.rcode = FORMERR
        return None
    if not _is_good(packet, len(owner) + 10 + len(data), key, theirs):
        query.tsig_error = BADSIG
        return None
    session = Session(key, theirs.mac)
    query.tsig_error = 0  # whatever else is wrong is said in a signed reply (5.3.2)
    if len(theirs.mac) < size:
        session.error = BADTRUNC
    elif abs(now - theirs.time_signed) > theirs.fudge:
        session.error, session.at = BADTIME, theirs.time_signed
        session.other = int(now).to_bytes(6, "big")
    else:
        query.signed_by = owner
        query.rcode = authenticated(query)
    return session


def _is_good(packet: bytes, length: int, key: Key, theirs: TsigRdata) -> bool:
    """Whether the MAC of the packet's last record, of this length, is what the key makes of the rest."""
    bare = _with_additional(packet[: len(packet) - length], -1)
    expected, _ = _sign(bare, key, theirs, theirs.time_signed)
    return hmac.compare_digest(expected.mac[: len(theirs.mac)], theirs.mac)


def _read(data: bytes) -> TsigRdata | None:
    try:
        found = dns.rdata.from_wire(ANY, TSIG, data, 0, len(data))
    except dns.exception.DNSException:
        return None
    return found if isinstance(found, TsigRdata) else None


def _with_additional(message: bytes, more: int) -> bytes:
    count = int.from_bytes(message[10:12], "big") + more
    return message[:10] + count.to_bytes(2, "big") + message[12:]


def _wire(name: dns.name.Name) -> bytes:
    return name.to_wire() or b""
