"""The token of one planned probe: who may report what, until when, in 64 characters.

48 bytes in base64url, numbers little endian: the signing key's id (u32), the last second it is good for
(u32), 8 random bytes that are never used again, the client's network (u64, family << 60 | unit), a mark of
the POP's id (8 bytes), and the first 16 bytes of a MAC over all that. Everything that a token is bound to
stands in it, so that each kind of misuse is told by its own name; nothing in it is finer than a /24 or /48.

The MAC is BLAKE2b keyed (RFC 7693: so used it is a MAC, without the HMAC construction around it), because
it is one call into C where Python's HMAC-SHA-256 takes twice as long, at the same strength of 128 bits.
Sans-I/O: keys, time and random bytes come from the caller.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from collectors.network import Network

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 8
TOKEN_CHARACTERS: Final = 64

_SIGNED: Final = struct.Struct("<II8sQ8s")
_MAC_BYTES: Final = 16
_PERSON: Final = b"itm-rum-token-1"  # keeps these MACs apart from any other use of the same key
_ENCODING: Final = bytes.maketrans(b"+/", b"-_")
_DECODING: Final = bytes.maketrans(b"-_", b"+/")


class TokenFault(StrEnum):
    """Why a measurement's token does not admit it; the values are the reasons that are counted."""

    MISSING = "token_missing"
    MALFORMED = "token_malformed"
    FORGED = "token_forged"  # signed by no key of ours, or changed
    EXPIRED = "token_expired"
    FOREIGN = "token_foreign"  # planned for another network
    POP = "token_pop"  # planned for another POP
    USED = "token_used"
    CROWDED = "token_crowded"  # too many were used since for us to know whether this one was
    REPEATED = "token_repeated"  # a second value of one metric


class Claim(NamedTuple):
    """What a good token says: its nonce, its last second (Unix time) and the mark of its POP."""

    nonce: bytes
    expires: int
    pop: bytes


class TokenKeys:
    """The keys in force: the first signs, all verify. Raises `ValueError` for none, or another length."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"expected at least one key, of {KEY_BYTES} bytes each")
        self._first = _id_of(keys[0])
        self._by_id = {_id_of(key): key for key in reversed(keys)}

    def sign(self, network: Network, pop: str, expires: int, nonce: bytes) -> str:
        """Return the token of one probe of `pop` by a client in `network`, good to the second `expires`."""
        signed = _SIGNED.pack(self._first, expires, nonce, _number(network), mark_of(pop))
        raw = signed + _mac(self._by_id[self._first], signed)
        return binascii.b2a_base64(raw, newline=False).translate(_ENCODING).decode("ascii")

    def verify(self, token: object, network: Network, now: float) -> Claim | TokenFault:
        """Return what the token of a client in `network` claims, or why it is worth nothing. Never raises."""
        if not isinstance(token, str) or len(token) != TOKEN_CHARACTERS:
            return TokenFault.MALFORMED
        try:
            raw = binascii.a2b_base64(token.encode("ascii").translate(_DECODING), strict_mode=True)
        except ValueError:
            return TokenFault.MALFORMED
        signed = raw[: _SIGNED.size]
        key_id, expires, nonce, number, pop = _SIGNED.unpack(signed)
        key = self._by_id.get(key_id)
        if key is None or not hmac.compare_digest(_mac(key, signed), raw[_SIGNED.size :]):
            return TokenFault.FORGED
        if now >= expires + 1:
            return TokenFault.EXPIRED
        if number != _number(network):
            return TokenFault.FOREIGN
        return Claim(nonce, expires, pop)


@lru_cache(maxsize=4096)
def mark_of(pop: str) -> bytes:
    """Return the eight bytes that stand for a POP's id in a token."""
    return hashlib.blake2b(pop.encode(), digest_size=8).digest()


def _id_of(key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(key, digest_size=4, person=b"itm-key-id").digest(), "little")


def _mac(key: bytes, signed: bytes) -> bytes:
    return hashlib.blake2b(signed, digest_size=_MAC_BYTES, key=key, person=_PERSON).digest()


def _number(network: Network) -> int:
    return network.family << 60 | network.unit
