"""One check over the network: TCP connect, or an HTTP(S) GET. All network errors end here.

The address and port that are checked may differ from those that are served. An HTTP check passes on
status 200-399; redirects are not followed, they show that the POP answers. HTTPS verifies the
certificate for `host` when one is named; without a name the handshake and the status are the check,
because an address seldom has a certificate of its own.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from collectors.probe.outcome import Outcome

PROTOCOLS = ("tcp", "http", "https")


@dataclass(frozen=True, slots=True)
class Target:
    """What to check: `address` is an IP address, `path` and `host` matter to HTTP(S) only."""

    protocol: str
    address: str
    port: int
    path: str = "/"
    host: str = ""
    timeout_seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol is one of {', '.join(PROTOCOLS)}, got {self.protocol!r}")

    @property
    def url(self) -> str:
        """The URL of an HTTP(S) check."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol}://{address}:{self.port}{self.path}"


async def check(target: Target, clock: Callable[[], float] = time.perf_counter) -> Outcome:
    """Check the target once. Never raises for what the network or the target does; may be cancelled."""
    started = clock()
    try:
        async with asyncio.timeout(target.timeout_seconds):
            detail = await (_connect(target) if target.protocol == "tcp" else _get(target))
    except TimeoutError:
        detail = f"no answer within {target.timeout_seconds:g} s"
    except (OSError, aiohttp.ClientError) as error:
        detail = _reason(error)
    return Outcome(up=not detail, elapsed_ms=(clock() - started) * 1000, detail=detail)


def has_route(address: str) -> bool:
    """Tell whether this machine has a route to the address. Sends nothing: a UDP connect only looks it up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError:
        return False
    return True


async def _connect(target: Target) -> str:
    _, writer = await asyncio.open_connection(target.address, target.port)
    writer.close()
    return ""


async def _get(target: Target) -> str:
    connector = aiohttp.TCPConnector(force_close=True)
    headers = {"User-Agent": "itm-probe/1"} | ({"Host": target.host} if target.host else {})
    async with (
        aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
        session.get(
            target.url,
            headers=headers,
            allow_redirects=False,
            ssl=_tls(target),
            server_hostname=target.host or None if target.protocol == "https" else None,
        ) as response,
    ):
        return "" if 200 <= response.status < 400 else f"HTTP status {response.status}"


def _tls(target: Target) -> ssl.SSLContext | bool:
    if target.protocol != "https":
        return True
    return _verifying() if target.host else False


@functools.cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()


def _reason(error: Exception) -> str:
    """Return a short text: the operating system's words where there are some."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"certificate: {getattr(error.certificate_error, 'verify_message', error)}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno in errno.errorcode:
        return os.strerror(cause.errno or 0).lower()
    return str(cause) or type(cause).__name__
