"""Who asks: a POP or connector by its certificate, a portal by its key, a user by name and password.

A user is local or a directory's; the operator's commands show a key of the state directory.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.broker import certificates, locations, portals, users
from gateway.broker.desk import Desk
from gateway.broker.directory_login import DirectoryLogin
from gateway.broker.neighbours import Neighbours
from gateway.broker.offers import Offers
from gateway.broker.person import guess_key
from gateway.broker.reach import Reach
from gateway.errors import Refused, Unauthorised
from gateway.identity import Identity, of_peer

DESK: Final = web.AppKey("desk", Desk)
OFFERS: Final = web.AppKey("offers", Offers)
REACH: Final = web.AppKey("reach", Reach)
NEIGHBOURS: Final = web.AppKey("neighbours", Neighbours)
DEFAULT_TENANT: Final = "default"


@dataclass(frozen=True, slots=True)
class Agents:
    """`stand(location, host)`: whether the agent of this VDA can be reached now."""

    stand: Callable[[str, str], bool]


AGENTS: Final = web.AppKey("agents", Agents)

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
DIRECTORIES: Final = web.AppKey("directories", DirectoryLogin)
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
    """Return (tenant, lasting name) of a user who logs in by Basic: `NAME`, or `TENANT\\NAME`."""
    return await log_in(request.app, *_basic(request))


async def log_in(app: web.Application, whole: str, password: str) -> tuple[str, str]:
    """Return (tenant, lasting name) of a local user, or else of one whom a directory vouches for.

    A local user is never asked of a directory: their password is nobody else's to hear. Raises
    `Unauthorised`, `Refused` (too many failures) or `Unavailable` (a directory).
    """
    desk, logins = app[DESK], app[LOGINS]
    tenant, name = await asyncio.to_thread(_split, desk, whole)
    key = f"{tenant}\\{guess_key(name)}"
    logins.check(key)
    try:
        if await _is_for_directories(desk, tenant, name):
            return tenant, await _directory_user(app, tenant, name, password)
        async with app[HASHING]:
            logins.check(key)
            is_right = await asyncio.to_thread(
                desk.passwords.is_right, desk.engine, name, password, tenant=tenant
            )
        if not is_right:
            raise Unauthorised("unauthorised", "wrong user name or password")
    except Unauthorised:
        logins.failed(key)
        raise
    return tenant, name


def _split(desk: Desk, whole: str) -> tuple[str, str]:
    """Return tenant and name; what stands before a backslash may be a directory's domain instead."""
    tenant, backslash, name = whole.partition("\\")
    if backslash and tenant in locations.all_tenants(desk.engine):
        return tenant, name
    return DEFAULT_TENANT, whole


async def _is_for_directories(desk: Desk, tenant: str, name: str) -> bool:
    if await asyncio.to_thread(users.is_local, desk.engine, name, tenant=tenant):
        return False
    return bool(await asyncio.to_thread(desk.directories.listing, tenant=tenant))


async def _directory_user(app: web.Application, tenant: str, name: str, password: str) -> str:
    logins = app[LOGINS]
    tried: list[str] = []

    def check(lasting: str) -> None:  # one user has many spellings: UPN, domain, case
        tried.append(f"{tenant}\\{lasting}")
        logins.check(tried[-1])

    try:
        return await app[DIRECTORIES].login(tenant, name, password, check)
    except Unauthorised:
        for key in tried:
            logins.failed(key)
        raise


def operator(request: web.Request) -> None:
    """Let in who can read this broker's state directory: its own commands. Raises `Unauthorised`."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = request.app[DESK].operator_key
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), wanted.encode()):
        raise Unauthorised("unauthorised", "only the operator's own commands may ask this")


def join_name(tenant: str, name: str) -> str:
    """Return how a user of the tenant may write their own name."""
    return name if tenant == DEFAULT_TENANT else f"{tenant}\\{name}"


def _basic(request: web.Request) -> tuple[str, str]:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorised("unauthorised", "credentials are missing")
    try:
        name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        if "\0" in name:
            raise ValueError("NUL")
    except (binascii.Error, ValueError):
        raise Unauthorised("unauthorised", "credentials are malformed") from None
    return name, password
