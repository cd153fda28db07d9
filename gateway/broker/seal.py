"""Seals secrets that the broker must read again: useless in the database without the state directory.

The key comes from the authority's (`Authority.secret`). What a secret is for is sealed with it, so that who
can write the database cannot have it sent elsewhere: any change there makes it unreadable.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import ConfigError

NONCE_BYTES: Final = 12  # NIST SP 800-38D 8.2.2; at random for a handful of secrets


@dataclass(frozen=True, slots=True)
class Seal:
    """AES-256-GCM under `key` (32 bytes)."""

    key: bytes
    random: Callable[[int], bytes] = secrets.token_bytes

    def close(self, secret: str, purpose: bytes) -> str:
        """Return the sealed text, base64; `purpose` is not kept in it."""
        nonce = self.random(NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self.key).encrypt(nonce, secret.encode(), purpose)).decode()

    def open(self, sealed: str, purpose: bytes) -> str:
        """Return the secret. Raises `ConfigError` when seal, key or purpose are not what they were."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return AESGCM(self.key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose).decode()
        except (InvalidTag, ValueError) as error:
            raise ConfigError(
                "a sealed secret cannot be read: it was changed, or sealed by another authority"
            ) from error
