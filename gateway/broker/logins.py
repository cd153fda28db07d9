"""Who is logged in to the Workspace page: rows in the database, so a log-out is final and a restart is not.

The browser holds a secret of 256 random bits, the row its SHA-256. A login ends after `IDLE_SECONDS`
without a request, after `LONGEST_SECONDS` in any case, when its user logs out or is removed, and when
the password changes. Knows nothing of cookies and pages.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, delete, insert, select, update

from gateway.broker.engine import reading, writing
from gateway.broker.portals import digest
from gateway.broker.tables import logins as table

IDLE_SECONDS: Final = 30 * 60.0  # OWASP ASVS 4.0 3.3.2, level 2
LONGEST_SECONDS: Final = 8 * 3600.0
TOUCH_SECONDS: Final = 60.0
"""How stale `seen_at` may be: one write a minute, not one a request."""

SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Login:
    """A user of a tenant, logged in at `started_at` (Unix seconds)."""

    tenant: str
    user: str
    started_at: float


def begin(
    engine: Engine,
    tenant: str,
    user: str,
    *,
    now: float,
    random: Callable[[int], str] = secrets.token_urlsafe,
) -> str:
    """Log a user in whose password was right; return the secret. Logins that are over are forgotten."""
    secret = random(SECRET_BYTES)
    values = {"sha256": digest(secret), "tenant": tenant, "user": user, "started_at": now, "seen_at": now}
    is_over = (table.c.seen_at <= now - IDLE_SECONDS) | (table.c.started_at <= now - LONGEST_SECONDS)
    with writing(engine) as connection:
        connection.execute(delete(table).where(is_over))
        connection.execute(insert(table).values(values))
    return secret


def find(engine: Engine, secret: str, *, now: float) -> Login | None:
    """Return whose secret it is and count it as seen, or None when nobody is logged in with it."""
    is_it = table.c.sha256 == digest(secret)
    with reading(engine) as connection:
        row = connection.execute(select(table).where(is_it)).first()
    if row is None or now - row.seen_at >= IDLE_SECONDS or now - row.started_at >= LONGEST_SECONDS:
        return None
    if now - row.seen_at >= TOUCH_SECONDS:
        with writing(engine) as connection:
            connection.execute(update(table).where(is_it).values(seen_at=now))
    return Login(row.tenant, row.user, row.started_at)


def end(engine: Engine, secret: str) -> None:
    """Log out: the secret is worth nothing from now on."""
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.sha256 == digest(secret)))
