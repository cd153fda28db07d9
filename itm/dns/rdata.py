"""Record data: from zone-file words to wire bytes, for the types a zone may hold.

`Rdata` keeps domain names apart from other bytes: those that may be compressed (RFC 3597 4: only NS,
CNAME, SOA and MX of ours), and the targets of SRV and HTTPS, which are written whole.
Types: SOA NS A AAAA CNAME TXT MX CAA SRV HTTPS.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import dnslib

from itm.dns.name import encode, unescape

A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
HINFO: Final = 13
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
DS: Final = 43
HTTPS: Final = 65
CAA: Final = 257


@dataclass(frozen=True, slots=True)
class Rdata:
    """One record's data: bytes, then compressible names, then a name that is written whole, then bytes."""

    before: bytes = b""
    names: tuple[bytes, ...] = ()
    whole: bytes = b""
    after: bytes = b""

    @property
    def wire(self) -> bytes:
        """The data without compression, names as they were written."""
        return self.before + b"".join(self.names) + self.whole + self.after

    @property
    def key(self) -> tuple[bytes, bytes, bytes]:
        """What makes records of a type the same: every byte, but for case in names (RFC 2181 5, 4034 6.2)."""
        return self.before, (b"".join(self.names) + self.whole).lower(), self.after


@dataclass(frozen=True, slots=True)
class RRset:
    """The records of one owner and type. `owner` is a wire name."""

    owner: bytes
    rtype: int
    ttl: int
    rdatas: tuple[Rdata, ...]


def ttl_seconds(text: str) -> int:
    """Return a TTL written as seconds or as `1h30m`. Raises `ValueError`; limit RFC 2181 8."""
    if not re.fullmatch(r"(\d+[smhdw]?)+", text, re.IGNORECASE | re.ASCII):
        raise ValueError(f"{text!r} is not a TTL")
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    seconds = sum(int(number) * units[unit.lower()] for number, unit in re.findall(r"(\d+)([a-zA-Z]?)", text))
    if seconds >= 1 << 31:
        raise ValueError(f"TTL {text} is above 2147483647")
    return seconds


def parse(rtype: int, words: Sequence[str], origin: bytes) -> Rdata:
    """Return the data of a record of a type in `TYPES`. Raises `ValueError` saying what was expected."""
    return _PARSERS[rtype](words, origin)


def target(rrset: RRset, rdata: Rdata) -> bytes | None:
    """Return the host name whose addresses belong in the additional section, if the type has one."""
    if rrset.rtype in {NS, MX}:
        return rdata.names[0]
    return rdata.whole if rrset.rtype == SRV else None


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


def _https(words: Sequence[str], origin: bytes) -> Rdata:
    if len(words) < 2:
        raise ValueError("expected priority target [parameters]")
    priority = _number(words[0], 16, "priority")
    host = encode(words[1], origin)
    if priority == 0 and len(words) > 2:
        raise ValueError("priority 0 (alias) takes no parameters")
    return Rdata(struct.pack(">H", priority), whole=host, after=b"".join(_parameters(words[2:])))


def _parameters(words: Sequence[str]) -> list[bytes]:
    renamed = [f"echconfig{word[3:]}" if word.startswith("ech=") else word for word in words]
    try:
        pairs = dnslib.HTTPS.fromZone(["1", ".", *renamed]).params
    except Exception as error:  # dnslib raises whatever its conversions raise
        raise ValueError(f"parameters: {error or type(error).__name__}") from error
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("parameters: a key stands twice")
    # RFC 9460 2.2: keys in strictly increasing order.
    return [struct.pack(">HH", key, len(value)) + bytes(value) for key, value in sorted(pairs)]


_PARSERS: Final[dict[int, Callable[[Sequence[str], bytes], Rdata]]] = {
    SOA: _soa,
    NS: _host,
    A: _a,
    AAAA: _aaaa,
    CNAME: _host,
    TXT: _txt,
    MX: _mx,
    CAA: _caa,
    SRV: _srv,
    HTTPS: _https,
}

TYPES: Final = {
    "SOA": SOA,
    "NS": NS,
    "A": A,
    "AAAA": AAAA,
    "CNAME": CNAME,
    "TXT": TXT,
    "MX": MX,
    "CAA": CAA,
    "SRV": SRV,
    "HTTPS": HTTPS,
}
"""The record types a zone may hold, by name."""
