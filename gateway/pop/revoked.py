"""The certificates that are worth nothing any more: the authority's signed list, fetched now and then.

A list that is missing, late or not signed by our authority changes nothing: what was revoked stays so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.pop.http import HttpPeer, fetch

log = logging.getLogger(__name__)


class Revoked:
    """The serial numbers, as lower-case hex without leading zeros."""

    def __init__(self, ca: Path) -> None:
        self._ca = ca
        self._serials: frozenset[str] = frozenset()

    def __contains__(self, serial: object) -> bool:
        return serial in self._serials

    def take(self, pem: bytes) -> bool:
        """Replace the list by a newer one; False when it is not our authority's."""
        try:
            revocations = x509.load_pem_x509_crl(pem)
            key = x509.load_pem_x509_certificate(self._ca.read_bytes()).public_key()
            if not isinstance(key, EllipticCurvePublicKey) or not revocations.is_signature_valid(key):
                return False
        except (OSError, ValueError, TypeError):
            return False
        self._serials = frozenset(f"{entry.serial_number:x}" for entry in revocations)
        return True

    async def watch(self, brokers: Sequence[HttpPeer], every_seconds: float) -> None:
        """Fetch from the first broker that answers, at each interval, until cancelled."""
        while True:
            if not await fetch(brokers, "/authority/crl.pem", self.take):
                log.warning("revocations.stale")
            await asyncio.sleep(every_seconds)
