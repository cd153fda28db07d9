"""Who asks: a POP or connector by its certificate, a portal by its key, a user by name and password."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.broker import certificates, portals
from gateway.broker.desk import Desk
from gateway.broker.reach import Reach
from gateway.errors import Refused, Unauthorised
from gateway.identity import Identity, of_peer

DESK: Final = web.AppKey("desk", Desk)
REACH: Final = web.AppKey("reach", Reach)
DEFAULT_TENANT: Final = "default"

PASSWORD_FAILURES: Final = 10
PASSWORD_WINDOW_SECONDS: Final = 60.0
MAX_NAMES: Final = 10_000


class LoginLimit:
    """Failed logins per user name in windows of a minute; names past `MAX_NAMES` share the last window."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begin = clock()
        self._failed: dict[str, int] = {}

    def check(self, name: str) -> None:
        """Raise `Refused` (`client_rate_limited`) for a name that failed too often."""
        if self._clock() - self._begin >= PASSWORD_WINDOW_SECONDS:
            self._begin = self._clock()
            self._failed.clear()
        if self._failed.get(self._key(name), 0) >= PASSWORD_FAILURES:
            raise Refused("client_rate_limited", "too many failed logins; wait a minute")

    def failed(self, name: str) -> None:
        """Count a failed login."""
        self._failed[self._key(name)] = self._failed.get(self._key(name), 0) + 1

    def _key(self, name: str) -> str:
        return name if name in self._failed or len(self._failed) < MAX_NAMES else ""


LOGINS: Final = web.AppKey("logins", LoginLimit)
HASHING: Final = web.AppKey("hashing", asyncio.Semaphore)
"""Passwords are checked two at a time: each takes 64 MiB and tens of milliseconds on purpose."""


async def peer(request: web.Request, role: str) -> Identity:
    """Return the holder of a certificate that holds now and is of this role. Raises `Unauthorised`."""
    peercert = request.transport.get_extra_info("peercert") if request.transport else None
    identity = of_peer(peercert)
    await asyncio.to_thread(certificates.check, request.app[DESK].engine, identity, role)
    return identity


async def portal(request: web.Request) -> str:
    """Return the tenant whose portal asks, by `Authorization: Bearer KEY` or a Basic password."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    key = rest.strip() if scheme.lower() == "bearer" else _basic(request)[1]
    return await asyncio.to_thread(portals.tenant_of, request.app[DESK].engine, key)


async def user(request: web.Request) -> tuple[str, str]:
    """Return (tenant, name) of a user who logs in by Basic: `NAME` or `TENANT\\NAME`, and the password."""
    desk, logins = request.app[DESK], request.app[LOGINS]
    whole, password = _basic(request)
    tenant, backslash, name = whole.partition("\\")
    if not backslash:
        tenant, name = DEFAULT_TENANT, whole
    logins.check(whole)
    async with request.app[HASHING]:
        logins.check(whole)
        is_right = await asyncio.to_thread(
            desk.passwords.is_right, desk.engine, name, password, tenant=tenant
        )
    if not is_right:
        logins.failed(whole)
        raise Unauthorised("unauthorised", "wrong user name or password")
    return tenant, name


def _basic(request: web.Request) -> tuple[str, str]:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorised("unauthorised", "credentials are missing")
    try:
        name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthorised("unauthorised", "credentials are malformed") from None
    return name, password
