"""One connection of a check, plain or TLS: opened, read within bounds, and closed without waiting.

A context manager over asyncio's streams; knows what TLS shall show, not what is said inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from collectors.probe import certificate
from collectors.probe.failure import Failed
from collectors.probe.target import WITH_TLS, Target

CLOSING_SECONDS: Final = 1.0
"""How long the other side may take over its farewell (TLS close_notify); nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection; `days_left` of the certificate shown, None without TLS."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    days_left: float | None = None

    async def read(self, most: int) -> bytes:
        """Return some bytes, empty at the end."""
        return await self.reader.read(most)

    async def read_exactly(self, count: int) -> bytes:
        """Return `count` bytes. Raises `Failed` when fewer come."""
        try:
            return await self.reader.readexactly(count)
        except asyncio.IncompleteReadError as error:
            raise Failed(f"closed after {len(error.partial)} of {count} bytes") from None


@contextlib.asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Connection]:
    """Connect, with TLS where the protocol has it.

    Raises `OSError`, and `Failed` for a certificate that has expired or cannot be read.
    """
    if target.protocol in WITH_TLS:
        reader, writer = await asyncio.open_connection(
            target.address,
            target.port,
            ssl=_context(target.verify, target.protocol == "https"),
            server_hostname=target.sni or (target.address if target.verify else ""),
            ssl_shutdown_timeout=CLOSING_SECONDS,
        )
    else:
        reader, writer = await asyncio.open_connection(target.address, target.port)
    try:
        yield Connection(reader, writer, _days_left(writer, target))
    except BaseException:
        writer.transport.abort()
        raise
    writer.close()


@functools.cache
def _context(is_verifying: bool, is_http: bool) -> ssl.SSLContext:
    """Trust what the system trusts (or SSL_CERT_FILE names); made once, reading the authorities is slow."""
    context = ssl.create_default_context()
    if not is_verifying:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if is_http:
        context.set_alpn_protocols(["http/1.1"])
    return context


def _days_left(writer: asyncio.StreamWriter, target: Target) -> float | None:
    shown = writer.get_extra_info("ssl_object")
    der = shown.getpeercert(binary_form=True) if shown is not None else None
    if der is None:
        return None
    try:
        days = certificate.days_left(der, time.time())
    except ValueError as error:  # TLS took it: only who asks for the days has to hear of it
        if target.certificate_days:
            raise Failed(f"the certificate cannot be read: {error}") from None
        return None
    if fault := certificate.fault(days, target.certificate_days):
        raise Failed(fault)
    return days
