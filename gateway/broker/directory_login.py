"""Logs a user in against the tenant's directories: through a connector, by search and bind.

The first directory, in the order of their names, that knows the typed name decides. One that cannot be asked
is passed over; when none of the others knows the name, that is said (`Unavailable`), never "wrong
password". What is asked of a directory stands in `ldap`, who an entry is in `person`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from gateway.broker import directories, directory_users, person
from gateway.broker.directories import Directories, Directory
from gateway.broker.ldap import Entry, Ldap
from gateway.broker.person import Login
from gateway.broker.reach import Reach
from gateway.errors import ConfigError, Invalid, Lost, Refused, Unauthorised, Unavailable, Unreachable

LOGIN_SECONDS: Final = 8.0
"""One directory's time from the pipe to its last word: below a POP's own launch time-out."""
MOST_AT_ONCE: Final = 8
"""Logins of one tenant under way; each is a session at a POP. More wait, `LOGIN_SECONDS` at most."""
MOST_GROUPS: Final = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a directory knows by a login; `name` is lasting, `groups` are the asked-for ones they are in.

    `refusal` is what the directory says of the password: None when it is right, "" when none was tried.
    """

    directory: str
    name: str
    dn: str
    groups: tuple[str, ...]
    refusal: str | None = ""


@dataclass(frozen=True, slots=True)
class DirectoryLogin:
    """`directories` of all tenants, and the `reach` into their locations."""

    directories: Directories
    reach: Reach
    clock: Callable[[], float]
    seconds: float = LOGIN_SECONDS
    _turns: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    async def login(self, tenant: str, typed: str, password: str, check: Callable[[str], None]) -> str:
        """Return the lasting name of a user whose password a directory found right.

        `check` is called with the lasting name before a password is tried: it raises `Refused` for one that
        failed too often. Raises `Unauthorised`, or `Unavailable` when a directory could not be asked.
        """
        wrong = Unauthorised("unauthorised", "wrong user name or password")
        if not password or len(typed) > person.MAX_LOGIN:
            raise wrong
        found = await self.find(tenant, typed, password, check)
        if found is None or found.refusal is not None:
            if found is not None:
                log.info("login.refused", extra={"directory": found.directory, "reason": found.refusal})
            raise wrong
        engine, now = self.directories.engine, self.clock()
        await asyncio.to_thread(
            directory_users.seen, engine, tenant, found.directory, found.name, found.groups, now=now
        )
        return found.name

    async def find(
        self, tenant: str, typed: str, password: str, check: Callable[[str], None]
    ) -> Found | None:
        """Return whom the typed name means; "" as password: search only. Raises `Unavailable`."""
        known = await asyncio.to_thread(self.directories.listing, tenant=tenant)
        login = person.parse_login(typed, [each.name for each in known])
        fault: Unavailable | None = None
        async with self._turn(tenant):
            for directory in known:
                if not directory.is_meant(login.where):
                    continue
                try:
                    async with asyncio.timeout(self.seconds):
                        found = await self._ask(directory, login, password, check)
                except (Lost, Unreachable, ConfigError, TimeoutError) as error:
                    fault = _unavailable(directory, error)
                    continue
                if found is not None:
                    return found
        if fault is not None:
            raise fault
        return None

    @contextlib.asynccontextmanager
    async def _turn(self, tenant: str) -> AsyncIterator[None]:
        """Wait until fewer than `MOST_AT_ONCE` logins of the tenant are under way, but not for long."""
        turns = self._turns.setdefault(tenant, asyncio.Semaphore(MOST_AT_ONCE))
        try:
            async with asyncio.timeout(self.seconds):
                await turns.acquire()
        except TimeoutError:
            raise Unavailable("directory_unavailable", "too many logins are under way") from None
        try:
            yield
        finally:
            turns.release()

    async def _ask(
        self, directory: Directory, login: Login, password: str, check: Callable[[str], None]
    ) -> Found | None:
        groups = {person.same_dn(dn) for dn in directory.groups}
        assigned = await asyncio.to_thread(
            directory_users.assigned_groups, self.directories.engine, directory.tenant, directory.name
        )
        async with self._conversation(directory) as ldap:
            entry = await self._search(ldap, directory, login)
            name = _named(directory, entry)
            if entry is None or name is None:
                return None
            theirs = await _groups(ldap, directory, entry, groups | assigned)
            found = Found(directory.name, name, entry.dn, tuple(theirs & assigned))
            if groups and not groups & theirs:
                return Found(directory.name, name, entry.dn, (), "not in a group that may log in")
            if not password:
                return found
            check(name)
            refusal = await ldap.bind(entry.dn, password)
            return Found(directory.name, name, entry.dn, found.groups, refusal)

    @contextlib.asynccontextmanager
    async def _conversation(self, directory: Directory) -> AsyncIterator[Ldap]:
        """Give a conversation with the directory, secured as it is to be."""
        async with contextlib.AsyncExitStack() as stack:
            opening = self.reach.open(
                directory.location, directory.host, directory.port, seconds=self.seconds
            )
            try:
                pipe = await stack.enter_async_context(opening)
            except Refused as error:
                raise Unreachable(f"{error.code}: {error}") from error
            ldap = Ldap(pipe)
            context = directories.trust(directory)
            if directory.tls == "ldaps":
                await ldap.secure(context, directory.host, seconds=self.seconds)
            elif directory.tls == "starttls":
                await ldap.start_tls(context, directory.host, seconds=self.seconds)
            yield ldap
            with contextlib.suppress(Lost):
                await ldap.unbind()

    async def _search(self, ldap: Ldap, directory: Directory, login: Login) -> Entry | None:
        if directory.bind_dn:
            password = await asyncio.to_thread(self.directories.password, directory)
            if (refusal := await ldap.bind(directory.bind_dn, password)) is not None:
                raise Unreachable(f"it refuses the account that searches: {refusal}")
        wanted = person.user_filter(directory.user_filter, login.name)
        attributes = (*person.NAME_ATTRIBUTES, *filter(None, (directory.name_attribute,)))
        found = await ldap.search(directory.base_dn, wanted, attributes, most=2)
        if len(found) > 1:
            log.warning("login.ambiguous", extra={"directory": directory.name, "entries": len(found)})
        return found[0] if len(found) == 1 and found[0].dn else None


def _named(directory: Directory, entry: Entry | None) -> str | None:
    if entry is None:
        return None
    try:
        return person.lasting_name(entry, directory.name, directory.name_attribute)
    except Invalid as error:  # who cannot be named is nobody here; the log tells the operator
        log.warning("login.nameless", extra={"directory": directory.name, "reason": str(error)})
        return None


async def _groups(ldap: Ldap, directory: Directory, entry: Entry, wanted: Collection[str]) -> set[str]:
    """Return which of the wanted groups the entry is in; nothing is asked when none is wanted."""
    if not wanted:
        return set()
    found = await ldap.search(directory.base_dn, person.group_filter(entry), (), most=MOST_GROUPS)
    if len(found) == MOST_GROUPS:
        raise Lost(f"{entry.dn} is in {MOST_GROUPS} groups or more")
    return {person.same_dn(group.dn) for group in found} & set(wanted)


def _unavailable(directory: Directory, error: Exception) -> Unavailable:
    why = "no answer in time" if isinstance(error, TimeoutError) else str(error)
    about = {"tenant": directory.tenant, "directory": directory.name, "reason": why}
    log.warning("directory.unavailable", extra=about)
    code = why.partition(":")[0] if isinstance(error, Unreachable) else ""
    detail = f" ({code})" if code.replace("_", "").isalpha() else ""
    return Unavailable("directory_unavailable", f"the directory {directory.name} cannot be asked now{detail}")
