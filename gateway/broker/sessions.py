"""Sessions as the broker knows them: who opened what, until when, whether it ended and why.

A session begins when its ticket is redeemed. Its end is what the connector that held it reports, or an
administrator's word, which the signal port then carries to every POP and connector.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, select, update

from gateway.broker.engine import reading, writing
from gateway.broker.tables import resources
from gateway.broker.tables import sessions as table
from gateway.errors import NotFound
from gateway.protocol.codes import CloseCode, from_name

LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Session:
    """One session. Times are Unix seconds; `pop` is where its ticket was redeemed, `code` why it ended."""

    id: str
    tenant: str
    location: str
    resource: str
    user: str
    pop: str
    started_at: float
    ends_at: float
    ended_at: float | None
    code: str | None
    idle_seconds: int | None
    """Of the resource now; None when it was removed."""


def among(engine: Engine, ids: Collection[str], *, location: str) -> tuple[Session, ...]:
    """Return those of the sessions that belong to the location."""
    return _select(engine, table.c.id.in_(ids), table.c.location == location)


def listing(engine: Engine, *, tenant: str, now: float, with_ended: bool = False) -> tuple[Session, ...]:
    """Return the tenant's newest sessions, oldest first: those that run, or all that are remembered."""
    return _select(engine, table.c.tenant == tenant, *(() if with_ended else _runs(now)), most=LISTED)


def ended_by_us(engine: Engine, since: float) -> tuple[Session, ...]:
    """Return the sessions that an administrator ended after `since`: POPs and connectors are to be told."""
    return _select(engine, table.c.ended_at >= since, table.c.code == str(CloseCode.BROKER_ENDED))


def end(engine: Engine, *, tenant: str, session: str = "", user: str = "", now: float) -> int:
    """End one session, or all of a user; return how many. `NotFound`: that session does not run."""
    which = table.c.id == session if session else table.c.user == user
    with writing(engine) as connection:
        count = connection.execute(
            update(table)
            .where(which, table.c.tenant == tenant, *_runs(now))
            .values(ended_at=now, code=str(CloseCode.BROKER_ENDED))
        ).rowcount
    if session and not count:
        raise NotFound(f"{tenant} has no running session {session}")
    return count


def report_ends(engine: Engine, ends: Sequence[tuple[str, str]], *, location: str, now: float) -> None:
    """Note why sessions of the location ended, as (session, code); a session ends once."""
    with writing(engine) as connection:
        for session, code in ends:
            connection.execute(
                update(table)
                .where(table.c.id == session, table.c.location == location, table.c.ended_at.is_(None))
                .values(ended_at=now, code=str(from_name(code)))
            )


def _runs(now: float) -> tuple[ColumnElement[bool], ...]:
    return (table.c.ended_at.is_(None), table.c.ends_at > now)


def _select(engine: Engine, *conditions: ColumnElement[Any], most: int | None = None) -> tuple[Session, ...]:
    columns = [table.c[field.name] for field in fields(Session) if field.name in table.c]
    query = select(*columns, resources.c.idle_seconds).outerjoin(
        resources, resources.c.id == table.c.resource
    )
    query = query.where(*conditions).order_by(table.c.started_at.desc()).limit(most)
    with reading(engine) as connection:
        return tuple(Session(*row) for row in reversed(connection.execute(query).all()))
