"""Sites: delivery controllers in a Resource Location that tell what users may open, and where it runs now."""

from __future__ import annotations

import re
import secrets
import ssl
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from gateway.broker.engine import reading, writing
from gateway.broker.locations import Location
from gateway.broker.names import Random, check_name, format_address, new_id
from gateway.broker.nfuse import User
from gateway.broker.resources import IDLE_SECONDS, MAX_SECONDS, RESERVED, Resource
from gateway.broker.tables import locations
from gateway.broker.tables import sites as table
from gateway.errors import Invalid, NameTaken, NotFound

MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Site:
    """A delivery controller at `host:port`, as its location's connectors reach it.

    It knows the users of `directory` (empty: the broker's local ones) in `domain`; `ca_pem` tells whose
    certificates it shows (empty: the system's).
    """

    id: str
    tenant: str
    location: str
    name: str
    host: str
    port: int
    directory: str
    domain: str
    has_tls: bool
    ca_pem: str
    created_at: float

    @property
    def controller(self) -> str:
        """The controller's `host:port`."""
        return format_address(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Draft:
    """A site to be made."""

    name: str
    location: Location
    host: str
    port: int
    directory: str = ""
    domain: str = ""
    has_tls: bool = False
    ca_pem: str = ""


def add(engine: Engine, draft: Draft, *, now: float, random: Random = secrets.token_hex) -> Site:
    """Make a site of its location's tenant. Raises `Invalid`, `NameTaken`."""
    check_name("site", draft.name)
    if draft.domain:
        check_name("domain", draft.domain)
    if draft.ca_pem:
        _check_ca(draft.ca_pem)
    made = Site(
        new_id(draft.name, random), draft.location.tenant, draft.location.id, draft.name, draft.host,
        draft.port, draft.directory, draft.domain, draft.has_tls, draft.ca_pem, now,
    )  # fmt: skip
    values = {column.name: getattr(made, column.name) for column in table.columns}
    try:
        with writing(engine) as connection:
            connection.execute(insert(table).values(values))
    except IntegrityError as error:
        raise NameTaken(f"{made.tenant} has a site {draft.name}") from error
    return made


def find(engine: Engine, name: str, *, tenant: str) -> Site:
    """Return the tenant's site of this name or id. Raises `NotFound`."""
    query = select(table).where(table.c.tenant == tenant, or_(table.c.name == name, table.c.id == name))
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"{tenant} has no site {name}")
    return Site(*row)


def listing(engine: Engine, *, tenant: str) -> tuple[tuple[Site, Location], ...]:
    """Return the tenant's sites by name, each with its location."""
    query = select(table, locations).join(locations, table.c.location == locations.c.id)
    width = len(table.columns)
    with reading(engine) as connection:
        rows = connection.execute(query.where(table.c.tenant == tenant).order_by(table.c.name)).all()
    return tuple((Site(*row[:width]), Location(*row[width:])) for row in rows)


def remove(engine: Engine, site: Site) -> None:
    """Remove it with its tickets; running sessions go on to their end."""
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.id == site.id))


def known_as(site: Site, user: str, *, is_local: bool) -> User | None:
    """Return whom the site's controller knows our user as, None if it does not: somebody else's namesake."""
    if not site.directory:
        return User(user, site.domain) if is_local else None
    name, _, directory = user.rpartition("@")
    return User(name, site.domain) if not is_local and directory == site.directory else None


def opened(site: Site, application: str, host: str, port: int) -> Resource:
    """Return a site's application at this VDA as a resource, under a name that a launch file can hold."""
    name = re.sub(r"[^\w .@+-]", "_", application)[:MAX_NAME].strip() or "application"
    return Resource(
        site.id, site.tenant, site.location, f"_{name}"[:MAX_NAME] if name.lower() in RESERVED else name,
        host, port, True, IDLE_SECONDS, MAX_SECONDS, site.created_at,
    )  # fmt: skip


def _check_ca(pem: str) -> None:
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise Invalid([f"ca: expected certificates in PEM form: {error}"]) from None
