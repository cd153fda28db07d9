"""Record data from zone-file words to wire bytes: any type there is (RFC 1035 5.1, RFC 3597 5).

The types that most zones are made of have readers of their own, which say what they expected; all others,
and data written as `\\# length hex`, are dnspython's to read. Nothing here knows lines or zones.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable, Sequence
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

from itm.dns.name import encode, unescape
from itm.dns.rdata import (
    AAAA,
    CAA,
    CDNSKEY,
    CDS,
    CNAME,
    DNAME,
    DNSKEY,
    HTTPS,
    MX,
    NS,
    NSEC,
    PTR,
    RRSIG,
    SOA,
    SRV,
    SVCB,
    TXT,
    A,
    Rdata,
)

GENERIC: Final = "\\#"
NSEC3: Final = 50
NSEC3PARAM: Final = 51
NXNAME: Final = 128
MADE_HERE: Final = frozenset({RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY})
"""What signing makes: a zone text that brings it would contradict the server's own."""

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')

_TTL: Final = re.compile(r"(?=.)(?:\d{1,10}[smhdw])*(?:\d{1,10})?", re.IGNORECASE | re.ASCII)
"""All but the last number have a unit: were it optional, a row of digits could be split in 2^n ways."""


def type_number(name: str) -> int:
    """Return the number of a type's name or `TYPE666`. Raises `ValueError` for what no zone may hold."""
    try:
        number = int(dns.rdatatype.from_text(name))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"type {name or 'missing'}: there is no such record type") from None
    if number in MADE_HERE:
        raise ValueError(f"type {name}: the server makes these records when it signs the zone")
    if number == 0 or number == NXNAME or dns.rdatatype.is_metatype(dns.rdatatype.RdataType.make(number)):
        raise ValueError(f"type {name}: a query has it, never a zone")
    return number


def type_name(number: int) -> str:
    """Return a type's name, `TYPE666` when it has none."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))


def ttl_seconds(text: str) -> int:
    """Return a TTL written as seconds or as `1h30m`. Raises `ValueError`; limit RFC 2181 8."""
    if not _TTL.fullmatch(text):
        raise ValueError(f"{text!r} is not a TTL")
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    seconds = sum(int(number) * units[unit.lower()] for number, unit in re.findall(r"(\d+)([a-zA-Z]?)", text))
    if seconds >= 1 << 31:
        raise ValueError(f"TTL {text} is above 2147483647")
    return seconds


def parse(rtype: int, words: Sequence[str], origin: bytes) -> Rdata:
    """Return the data of a record; `words` are as written, quotes and escapes included.

    Raises `ValueError` saying what was expected.
    """
    reader = _READERS.get(rtype)
    if reader is None or (words and words[0] == GENERIC):
        return _from_library(rtype, words, origin)
    return reader([_QUOTED.sub(r"\1", word) for word in words], origin)


def _from_library(rtype: int, words: Sequence[str], origin: bytes) -> Rdata:
    try:
        base = dns.name.from_wire(origin, 0)[0]
        data = dns.rdata.from_text("IN", type_name(rtype), " ".join(words), base, relativize=False)
        return apart(rtype, data.to_wire() or b"")
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def apart(rtype: int, wire: bytes) -> Rdata:
    """Return well-formed uncompressed data with its names kept apart, as far as the type's matter here."""
    if rtype in {NS, CNAME, PTR}:
        return Rdata(names=(wire,))
    if rtype == MX:
        return Rdata(wire[:2], (wire[2:],))
    if rtype == SOA:
        mname = wire[: _end(wire)]
        rname = wire[len(mname) : -20]
        return Rdata(names=(mname, rname), after=wire[-20:])
    before = {SRV: 6, DNAME: 0, SVCB: 2, HTTPS: 2}.get(rtype)
    if before is None:
        return Rdata(wire)
    end = before + _end(wire[before:])
    return Rdata(wire[:before], whole=wire[before:end], after=wire[end:])


def _end(wire: bytes) -> int:
    position = 0
    while wire[position]:
        position += 1 + wire[position]
    return position + 1


def _words(words: Sequence[str], *names: str) -> Sequence[str]:
    if len(words) != len(names):
        raise ValueError(f"expected {' '.join(names)}, got {len(words)} words")
    return words


def _number(text: str, bits: int, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 1 << bits):
        raise ValueError(f"{name}: expected a number below {1 << bits}, got {text!r}")
    return int(text)


def _a(words: Sequence[str], _: bytes) -> Rdata:
    (address,) = _words(words, "address")
    return Rdata(ipaddress.IPv4Address(address).packed)


def _aaaa(words: Sequence[str], _: bytes) -> Rdata:
    (address,) = _words(words, "address")
    return Rdata(ipaddress.IPv6Address(address).packed)


def _host(words: Sequence[str], origin: bytes) -> Rdata:
    (name,) = _words(words, "name")
    return Rdata(names=(encode(name, origin),))


def _mx(words: Sequence[str], origin: bytes) -> Rdata:
    preference, name = _words(words, "preference", "exchange")
    return Rdata(struct.pack(">H", _number(preference, 16, "preference")), (encode(name, origin),))


def _soa(words: Sequence[str], origin: bytes) -> Rdata:
    mname, rname, serial, *timers = _words(
        words, "mname", "rname", "serial", "refresh", "retry", "expire", "minimum"
    )
    numbers = [_number(serial, 32, "serial"), *map(ttl_seconds, timers)]
    return Rdata(names=(encode(mname, origin), encode(rname, origin)), after=struct.pack(">5I", *numbers))


def _txt(words: Sequence[str], _: bytes) -> Rdata:
    strings = [unescape(word) for word in words]
    if not strings or any(len(string) > 255 for string in strings):
        raise ValueError("expected one or more strings of at most 255 bytes")
    return Rdata(b"".join(bytes((len(string),)) + string for string in strings))


def _caa(words: Sequence[str], _: bytes) -> Rdata:
    flags, tag, value = _words(words, "flags", "tag", "value")
    if not re.fullmatch(r"[a-zA-Z0-9]{1,255}", tag):
        raise ValueError(f"tag: expected letters and digits, got {tag!r}")
    return Rdata(bytes((_number(flags, 8, "flags"), len(tag))) + tag.encode() + unescape(value))


def _srv(words: Sequence[str], origin: bytes) -> Rdata:
    *numbers, name = _words(words, "priority", "weight", "port", "target")
    packed = [_number(n, 16, label) for n, label in zip(numbers, ("priority", "weight", "port"), strict=True)]
    return Rdata(struct.pack(">3H", *packed), whole=encode(name, origin))


_READERS: Final[dict[int, Callable[[Sequence[str], bytes], Rdata]]] = {
    SOA: _soa,
    NS: _host,
    A: _a,
    AAAA: _aaaa,
    CNAME: _host,
    PTR: _host,
    TXT: _txt,
    MX: _mx,
    CAA: _caa,
    SRV: _srv,
}
