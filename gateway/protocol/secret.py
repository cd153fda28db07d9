"""The resume secret: agreed end to end in the first RESUME frames, proved in every later one.

Both ends send an X25519 public key in their first RESUME; from then on a RESUME carries an HMAC-SHA256 of
its own fields under the agreed secret. A POP sees the public keys pass and learns nothing from them, so it
can drop a session but cannot take it over later. (A POP that lies from the very first frame on could: the
agreement is not authenticated.)
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PROOF_BYTES = 32
INITIATOR, ACCEPTOR = b"initiator", b"acceptor"


class ResumeSecret:
    """One end's half of the agreement: `role` is `INITIATOR` (the client) or `ACCEPTOR` (the connector).

    `confirmed` turns true when the peer is known to hold the secret; until then it may present its public
    key again, the same one, since the answer to its first RESUME can have been lost.
    """

    def __init__(self, role: bytes, session: bytes, private: X25519PrivateKey | None = None) -> None:
        self._role = role
        self._session = session
        self._private = private or X25519PrivateKey.generate()
        self._peer_share: bytes | None = None
        self._secret: bytes | None = None
        self.confirmed = False

    @property
    def share(self) -> bytes:
        """Our public key, 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    @property
    def is_agreed(self) -> bool:
        """Whether the peer's public key is known, and so the secret."""
        return self._secret is not None

    def accept_share(self, share: bytes) -> bool:
        """Take the peer's public key.

        False for another one than before, a degenerate one, or after confirmation.
        """
        if self._peer_share is not None:
            return not self.confirmed and hmac.compare_digest(share, self._peer_share)
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            return False
        hkdf = HKDF(SHA256(), PROOF_BYTES, salt=self._session, info=b"hdx-rsp/1 resume")
        self._secret = hkdf.derive(shared)
        self._peer_share = share
        return True

    def prove(self, fields: bytes) -> bytes:
        """Return the proof of our RESUME with these fields (everything in it before the proof)."""
        return self._mac(self._role, fields)

    def is_proved(self, fields: bytes, proof: bytes) -> bool:
        """Whether the peer, who holds the other role, knows the secret."""
        peer = ACCEPTOR if self._role == INITIATOR else INITIATOR
        return self._secret is not None and hmac.compare_digest(proof, self._mac(peer, fields))

    def _mac(self, role: bytes, fields: bytes) -> bytes:
        return hmac.digest(self._secret or b"", role + b"\0" + fields, hashlib.sha256)
