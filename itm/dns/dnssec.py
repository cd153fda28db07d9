"""DNSSEC's arithmetic (RFC 4034): what is signed, how it is signed, key tags and DS. No clock, no files.

Signing an RRset gives the data of its RRSIG; who keeps keys and decides when to sign is `itm.dns.signer`'s
business. Two algorithms: ECDSA P-256 (13, RFC 6605) and Ed25519 (15, RFC 8080).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from itm.dns.name import parent
from itm.dns.rdata import Rdata, RRset
from itm.dns.tree import WILDCARD
from itm.dns.wire import CLASS_IN

ECDSA_P256: Final = 13
ED25519: Final = 15
ALGORITHMS: Final = {"ecdsa-p256": ECDSA_P256, "ed25519": ED25519}
"""By the words of the catalog."""
WORDS: Final = {number: word for word, number in ALGORITHMS.items()}
ZONE_KEY: Final = 0x0100
ENTRY_POINT: Final = 0x0001  # SEP, RFC 3757
PROTOCOL: Final = 3
SHA256: Final = 2  # digest type of DS, RFC 4509

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_P256: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a DNSKEY record says."""

    flags: int
    algorithm: int
    key: bytes

    @property
    def rdata(self) -> Rdata:
        """The DNSKEY's data, and a CDNSKEY's."""
        return Rdata(struct.pack(">HBB", self.flags, PROTOCOL, self.algorithm) + self.key)

    @property
    def tag(self) -> int:
        """The key tag (RFC 4034 B)."""
        data = self.rdata.wire
        total = sum(data[0::2]) * 256 + sum(data[1::2])
        return (total + (total >> 16)) & 0xFFFF

    @property
    def is_entry_point(self) -> bool:
        """Whether a parent's DS may point here: the key signs the DNSKEY RRset."""
        return bool(self.flags & ENTRY_POINT)

    def ds(self, origin: bytes) -> Rdata:
        """Return the data of the DS for the zone's parent, and of a CDS (SHA-256, RFC 4509)."""
        digest = hashlib.sha256(origin.lower() + self.rdata.wire).digest()
        return Rdata(struct.pack(">HBB", self.tag, self.algorithm, SHA256) + digest)


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A key pair that signs for the zone `origin` (lower-case wire name)."""

    origin: bytes
    public: PublicKey
    private: PrivateKey

    def sign(self, rrset: RRset, inception: int, expiration: int) -> Rdata:
        """Return the data of the RRSIG over an RRset; both times in seconds since 1970 (RFC 4034 3.1)."""
        head = struct.pack(
            ">HBBIIIH",
            rrset.rtype,
            self.public.algorithm,
            label_count(rrset.owner),
            rrset.ttl,
            expiration & 0xFFFFFFFF,
            inception & 0xFFFFFFFF,
            self.public.tag,
        )
        head += self.origin
        return Rdata(head + _signature(self.private, head + canonical(rrset)))


def generate(algorithm: int) -> PrivateKey:
    """Return a fresh private key of an algorithm."""
    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def public_of(private: PrivateKey, *, is_entry_point: bool) -> PublicKey:
    """Return the public half as a DNSKEY has it (RFC 6605 4, RFC 8080 3)."""
    flags = ZONE_KEY | (ENTRY_POINT if is_entry_point else 0)
    public = private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return PublicKey(flags, ED25519, public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return PublicKey(flags, ECDSA_P256, point[1:])


def canonical(rrset: RRset) -> bytes:
    """Return an RRset as it is signed: owner in lower case, records in order, names whole (RFC 4034 6)."""
    head = rrset.owner.lower() + struct.pack(">HHI", rrset.rtype, CLASS_IN, rrset.ttl)
    datas = sorted({rdata.canonical(rrset.rtype) for rdata in rrset.rdatas})
    return b"".join(head + struct.pack(">H", len(data)) + data for data in datas)


def digest(rrset: RRset) -> bytes:
    """Return 16 bytes that tell signed RRsets apart: equal content needs no second signature."""
    return hashlib.blake2b(canonical(rrset), digest_size=16).digest()


def label_count(owner: bytes) -> int:
    """Return the labels of a name without the root and a leading `*` (RFC 4034 3.1.3)."""
    count = -1 if owner.startswith(WILDCARD) else 0
    while owner[0]:
        owner = parent(owner)
        count += 1
    return count


def expiration_of(rrsig: Rdata) -> int:
    """Return when a signature ends, in seconds since 1970 (until 2106)."""
    ends: int = struct.unpack_from(">I", rrsig.before, 8)[0]
    return ends


def tag_of(rrsig: Rdata) -> int:
    """Return the tag of the key that made a signature."""
    tag: int = struct.unpack_from(">H", rrsig.before, 16)[0]
    return tag


def _signature(private: PrivateKey, data: bytes) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    r, s = decode_dss_signature(private.sign(data, _P256))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
