"""The signatures file: what the signer made and every DNS node serves, in one file that is replaced at once.

By content, not by name: an RRset's digest leads to the data of its RRSIGs, so that a new map needs no new
signature as long as its records are the old ones. Keys never leave the signer; a node holds this file alone.

Layout, little endian: 8 bytes magic, u32 length of a JSON head, the head, then entries sorted by digest:
16 bytes digest, u16 length, the RRSIG's data. At the end SHA-256 of everything before it. An RRset signed by
several keys has several entries. The head has, per zone, the data of its DNSKEY, CDS and CDNSKEY records in
hexadecimal, the serial it is served with and a digest of what has that serial, and the seconds since 1970 at
which the first signature ends.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from itm.dns import dnssec
from itm.dns.rdata import CDNSKEY, CDS, DNSKEY, Rdata, RRset
from itm.errors import SnapshotError

log = logging.getLogger(__name__)

FILE: Final = "signatures"
"""Its name in the state directory."""
MAGIC: Final = b"ITMSIGS1"
DIGEST_BYTES: Final = 16
SUM_BYTES: Final = 32
_TYPES: Final = {"dnskey": DNSKEY, "cds": CDS, "cdnskey": CDNSKEY}
_LENGTH: Final = struct.Struct("<I")
_ENTRY: Final = struct.Struct("<16sH")


@dataclass(frozen=True, slots=True, eq=False)
class ZoneKeys:
    """What stands at a signed zone's apex: its DNSKEY, CDS and CDNSKEY records, and their TTL in seconds.

    `serial` is the zone's as it is served, None: its text's; `content` a digest of what has that serial.
    """

    ttl: int
    rdatas: Mapping[int, tuple[Rdata, ...]]
    serial: int | None = None
    content: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """`zones` by lower-case wire name; `rrsigs` by `dnssec.digest` of the signed RRset."""

    zones: Mapping[bytes, ZoneKeys] = field(default_factory=dict)
    rrsigs: Mapping[bytes, tuple[Rdata, ...]] = field(default_factory=dict)
    ends_at: float = 0.0

    def sign(self, rrset: RRset) -> tuple[Rdata, ...]:
        """Return the data of an RRset's RRSIGs; none for what the signer does not know."""
        return self.rrsigs.get(dnssec.digest(rrset), ())


class SignedBy:
    """The signatures file as it is now; a file that is not whole leaves the last good content."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self.content = Signatures()

    def look(self) -> bool:
        """Read the file if it is another one; return whether the content changed."""
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_ino
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self.content = read(self._path)
        except OSError:
            return False
        except SnapshotError as error:
            log.error("signatures.refused", extra={"reason": str(error)})
            return False
        return True


def write(path: Path, signatures: Signatures) -> None:
    """Replace the file, synced before it is seen. Raises `OSError`."""
    head = json.dumps(_head(signatures), separators=(",", ":")).encode()
    parts = [MAGIC, _LENGTH.pack(len(head)), head]
    for digest, rdatas in sorted(signatures.rrsigs.items()):
        parts += [part for rdata in rdatas for part in (_ENTRY.pack(digest, len(rdata.wire)), rdata.wire)]
    body = b"".join(parts)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with aside.open("wb") as file:
        file.write(body + hashlib.sha256(body).digest())
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def read(path: Path) -> Signatures:
    """Return the content. Raises `SnapshotError` for a file that is missing, cut, changed or wrong inside."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}") from error
    body, told = data[:-SUM_BYTES], data[-SUM_BYTES:]
    if not body.startswith(MAGIC) or hashlib.sha256(body).digest() != told:
        raise SnapshotError(f"{path}: not a whole signatures file")
    try:
        return _parse(body)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        raise SnapshotError(f"{path}: {error}") from error


def _parse(body: bytes) -> Signatures:
    (length,) = _LENGTH.unpack_from(body, len(MAGIC))
    start = len(MAGIC) + _LENGTH.size
    head = json.loads(body[start : start + length])
    return Signatures(
        {bytes.fromhex(name): _zone(fields) for name, fields in head["zones"].items()},
        _entries(body, start + length),
        float(head["ends_at"]),
    )


def _head(signatures: Signatures) -> dict[str, Any]:
    zones = {}
    for origin, keys in signatures.zones.items():
        records = {
            word: [rdata.wire.hex() for rdata in keys.rdatas.get(rtype, ())] for word, rtype in _TYPES.items()
        }
        numbered = {"serial": keys.serial, "content": keys.content.hex()}
        zones[origin.hex()] = {"ttl": keys.ttl, **numbered, **records}
    return {"zones": zones, "ends_at": signatures.ends_at}


def _zone(fields: dict[str, Any]) -> ZoneKeys:
    found = {
        rtype: tuple(Rdata(bytes.fromhex(text)) for text in fields[word]) for word, rtype in _TYPES.items()
    }
    return ZoneKeys(
        int(fields["ttl"]),
        {rtype: rdatas for rtype, rdatas in found.items() if rdatas},
        fields["serial"],
        bytes.fromhex(fields["content"]),
    )


def _entries(body: bytes, position: int) -> dict[bytes, tuple[Rdata, ...]]:
    found: dict[bytes, tuple[Rdata, ...]] = {}
    while position < len(body):
        digest, length = _ENTRY.unpack_from(body, position)
        position += _ENTRY.size
        found[digest] = (*found.get(digest, ()), Rdata(body[position : position + length]))
        position += length
    return found
