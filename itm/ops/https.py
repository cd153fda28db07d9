"""HTTPS: one TLS context for a listener's whole life, and behind it the certificate as it is on disk now.

A listener keeps the context it was made with, so each connection is handed, when its client has said hello,
to the one that was last loaded.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from itm.dns.certificate import LOOK_SECONDS, Certificate, Pair

ALPN: Final = "http/1.1"
SETTINGS: Final = ("public.tls_certificate", "public.tls_key")


class Https:
    """TLS of HTTP listeners; `context` is theirs."""

    def __init__(self, pair: Pair, settings: tuple[str, str]) -> None:
        """Load the pair; `settings` name its two files. Raises `ConfigError`."""
        self._certificate = Certificate(pair, settings, ALPN)
        self.context = pair.load(ALPN)
        self.context.sni_callback = self._hand_over  # also called for clients that name no server

    async def watch(self) -> None:
        """Take up changed files until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._certificate.look()

    def _hand_over(self, connection: Any, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG002
        connection.context = self._certificate.context
