"""Which certificates were issued to whom, and which of them are worth nothing any more."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from gateway.broker.authority import Issued
from gateway.broker.engine import reading
from gateway.broker.tables import certificates as table
from gateway.errors import Unauthorised
from gateway.identity import Identity

KEEP_SECONDS: Final = 86400.0
"""How long an expired certificate stays listed, for `connectors list`."""


def record(connection: Connection, issued: Issued, identity: Identity) -> None:
    """Note a certificate in the transaction that decided to issue it, and forget those long expired."""
    connection.execute(delete(table).where(table.c.expires_at < issued.issued_at - KEEP_SECONDS))
    values = {"serial": issued.serial, "role": identity.role, "subject": identity.id}
    times = {"issued_at": issued.issued_at, "expires_at": issued.expires_at, "revoked_at": None}
    connection.execute(insert(table).values(values | times))


def revoke(connection: Connection, role: str, subject: str, now: float) -> int:
    """Make all certificates of one POP or connector worthless; returns how many held until now."""
    held = (table.c.role == role, table.c.subject == subject, table.c.revoked_at.is_(None))
    return connection.execute(update(table).where(*held).values(revoked_at=now)).rowcount


def check(engine: Engine, identity: Identity, role: str) -> None:
    """Raise `Unauthorised` unless it is of this role, issued by us and not revoked."""
    query = select(table.c.revoked_at).where(
        table.c.serial == identity.serial, table.c.role == role, table.c.subject == identity.id
    )
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if identity.role != role or row is None:
        raise Unauthorised("broker_refused", f"the certificate is not a {role}'s")
    if row.revoked_at is not None:
        raise Unauthorised("broker_revoked", "the certificate was revoked")


def revoked(engine: Engine, now: float) -> tuple[str, ...]:
    """Return the serials of revoked certificates that have not expired, for the revocation list."""
    query = select(table.c.serial).where(table.c.revoked_at.is_not(None), table.c.expires_at > now)
    with reading(engine) as connection:
        return tuple(connection.execute(query.order_by(table.c.serial)).scalars())


def latest(engine: Engine, role: str) -> dict[str, float]:
    """Return, per POP or connector, when its last unrevoked certificate expires."""
    query = select(table.c.subject, table.c.expires_at).where(
        table.c.role == role, table.c.revoked_at.is_(None)
    )
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(table.c.expires_at)).all()
    return {row.subject: row.expires_at for row in rows}
