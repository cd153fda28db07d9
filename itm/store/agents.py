"""Agents of checks: invited with a one-time token, enrolled with a credential of their own, revoked.

Of either secret only the SHA-256 is kept: 256 random bits need no slow hash. An agent makes its credential
itself and shows it with the token, so that an answer that was lost can be asked for again.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from itm.errors import NameTaken, NotEnrolled
from itm.store import audit
from itm.store.engine import reading, writing
from itm.store.tables import probe_agents as table

PREFIX = "itmp_"


@dataclass(frozen=True, slots=True)
class Agent:
    """What is known of an agent; the secrets are not. Times are Unix seconds.

    `expires_at` is the end of its credential, None for never; `enrolled_at` None while it is only invited.
    """

    name: str
    region: str
    created_at: float
    token_expires_at: float
    credential_sha256: str | None = None
    enrolled_at: float | None = None
    expires_at: float | None = None
    revoked_at: float | None = None

    def why_not(self, now: float) -> str:
        """Return why this agent may not report at `now`; empty when it may."""
        if self.revoked_at is not None:
            return f"the agent {self.name!r} was revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return f"the credential of the agent {self.name!r} has expired"
        return "" if self.enrolled_at is not None else f"the agent {self.name!r} is not enrolled"


def invite(
    engine: Engine,
    name: str,
    region: str,
    *,
    author: str,
    now: float,
    token_expires_at: float,
    expires_at: float | None = None,
) -> str:
    """Make a one-time token and return it; it cannot be had again.

    Raises `NameTaken` for the name of an agent that may report now; any other one's place is taken.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    values = {
        "name": name, "region": region, "created_at": now, "token_sha256": digest(token),
        "token_expires_at": token_expires_at, "expires_at": expires_at,
    }  # fmt: skip
    idle = or_(table.c.enrolled_at.is_(None), table.c.revoked_at.is_not(None), table.c.expires_at <= now)
    try:
        with writing(engine) as connection:
            connection.execute(delete(table).where(table.c.name == name, idle))
            connection.execute(insert(table).values(values))
            audit.record(
                connection, now, author, "probe.invite", name=name, region=region, expires_at=expires_at
            )
    except IntegrityError as error:
        raise NameTaken(name) from error
    return token


def enrol(engine: Engine, token: str, credential: str, now: float) -> Agent:
    """Turn the token into that credential; again with the same two it is the same answer.

    Raises `NotEnrolled` with the reason.
    """
    wanted, of_token = digest(credential), select(table).where(table.c.token_sha256 == digest(token))
    with reading(engine) as connection:
        if connection.execute(of_token).first() is None:  # a guess holds up nobody who writes
            raise NotEnrolled("no such token")
    with writing(engine) as connection:
        row = connection.execute(of_token).first()
        if row is None:
            raise NotEnrolled("no such token")
        known = _agent(row)
        if known.revoked_at is not None:
            raise NotEnrolled(known.why_not(now))
        if known.credential_sha256 == wanted:
            return known
        if known.credential_sha256 is not None:
            raise NotEnrolled("the token was used before: make another one")
        if known.token_expires_at <= now:
            raise NotEnrolled("the token has expired: make another one")
        is_free = (table.c.name == known.name, table.c.credential_sha256.is_(None))
        change = update(table).where(*is_free).values(credential_sha256=wanted, enrolled_at=now)
        if not connection.execute(change).rowcount:
            raise NotEnrolled("the token was used before: make another one")
        audit.record(connection, now, known.name, "probe.enrol", name=known.name, region=known.region)
        return _agent(connection.execute(select(table).where(table.c.name == known.name)).one())


def listing(engine: Engine) -> tuple[Agent, ...]:
    """Return all agents, revoked ones too, by name."""
    with reading(engine) as connection:
        rows = connection.execute(select(table).order_by(table.c.name)).all()
    return tuple(_agent(row) for row in rows)


def revoke(engine: Engine, name: str, *, author: str, now: float) -> bool:
    """Make an agent's token and credential worthless; returns whether there was such an agent."""
    with writing(engine) as connection:
        change = update(table).where(table.c.name == name, table.c.revoked_at.is_(None))
        count = connection.execute(change.values(revoked_at=now)).rowcount
        if count:
            audit.record(connection, now, author, "probe.revoke", name=name)
    return bool(count)


def digest(secret: str) -> str:
    """Return what the store keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _agent(row: Any) -> Agent:
    return Agent(
        row.name, row.region, row.created_at, row.token_expires_at, row.credential_sha256, row.enrolled_at,
        row.expires_at, row.revoked_at,
    )  # fmt: skip
