"""Tickets: one-time proof that lets one client open one session to one VDA (STA).

The database keeps a ticket's SHA-256 until it is redeemed, which deletes the row and looks at what was
deleted: of any number of POPs that present it, one wins, before and after a restart. A value is 24
characters of chance and 8 that this STA derived from them, so that a guess costs no look-up and a flood of
guesses does not delay genuine tickets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from gateway.broker.engine import writing
from gateway.broker.names import parse_address
from gateway.broker.resources import Resource
from gateway.broker.sites import Site, opened
from gateway.broker.tables import resources, sessions, sites, tickets
from gateway.errors import Refused
from gateway.protocol import ticket as text_form
from gateway.protocol.codes import CloseCode, from_name
from gateway.protocol.control import SESSION_BYTES
from gateway.protocol.ticket import Ticket

LIFETIME_SECONDS: Final = 100.0  # XmlStaTicketLifetimeInSeconds of the STA that clients know
REFRESHED_SECONDS: Final = 500.0
KEEP_SECONDS: Final = 3600.0
"""How long the broker can still say that a ticket is expired or was used, rather than unknown."""

TAG_BYTES: Final = 5  # of the 20 behind a ticket's 32 characters
MAX_USER: Final = 256


@dataclass(frozen=True, slots=True)
class Grant:
    """What a redeemed ticket opens. Times are Unix seconds."""

    session: str
    user: str
    resource: Resource
    ends_at: float


@dataclass(frozen=True, slots=True)
class Sta:
    """One Secure Ticket Authority: its id (in every ticket), its database and its stamp."""

    engine: Engine
    id: str
    stamp_key: bytes
    random: Callable[[int], bytes] = secrets.token_bytes

    def request(self, resource: Resource, user: str, *, now: float, refreshable: bool = False) -> Ticket:
        """Return a ticket that opens this resource for this user during the next 100 s."""
        opens = {"resource": resource.id, "site": None, "application": None, "target": None}
        return self._request(opens, user, now, refreshable=refreshable)

    def request_published(self, opened: Resource, user: str, *, now: float) -> Ticket:
        """Return a refreshable ticket likewise, for what `sites.opened` says of a site's application."""
        opens = {"resource": None, "site": opened.id, "application": opened.name, "target": opened.target}
        return self._request(opens, user, now, refreshable=True)

    def _request(self, opens: dict[str, Any], user: str, now: float, *, refreshable: bool) -> Ticket:
        made = text_form.generate(self.id, self._chance)
        values = opens | {"user": user[:MAX_USER], "refreshable": refreshable}
        with writing(self.engine) as connection:
            self._insert(connection, made, values | {"session": None}, now + LIFETIME_SECONDS, now)
        return made

    def is_genuine(self, ticket: Ticket) -> bool:
        """Say, without the database, whether this STA made the ticket at some time."""
        try:
            raw = base64.b32decode(ticket.value)
        except ValueError:
            return False
        return hmac.compare_digest(self._tag(raw[:-TAG_BYTES]), raw[-TAG_BYTES:])

    def redeem(self, ticket: Ticket, pop: str, *, now: float) -> Grant:
        """Spend a ticket. Raises `Refused` with `client_ticket_foreign`, `_refused` or `_expired`."""
        if ticket.sta != self.id or ticket.version != text_form.CURRENT_VERSION:
            raise Refused(CloseCode.CLIENT_TICKET_FOREIGN)
        if not self.is_genuine(ticket):
            raise Refused(CloseCode.CLIENT_TICKET_REFUSED, "not a ticket of this STA")
        spent = _digest(ticket)
        with writing(self.engine) as connection:
            row = connection.execute(
                delete(tickets).where(tickets.c.sha256 == spent).returning(*tickets.c)
            ).first()
            outcome = _why_gone(connection, spent) if row is None else _open(connection, row, pop, now)
        if isinstance(outcome, Refused):  # raised here: the deletion of an expired ticket stands
            raise outcome
        return outcome

    def refresh(self, session: str, pop: str, *, now: float) -> tuple[Ticket, Grant]:
        """Return a ticket that brings its holder back to a running session during the next 500 s.

        It replaces an earlier one of the session. Raises `Refused`: no such session, ended, not refreshable.
        """
        made = text_form.generate(self.id, self._chance)
        with writing(self.engine) as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == session)).first()
            if row is None or not row.refreshable:
                raise Refused(CloseCode.BROKER_REFUSED, "no session whose ticket can be refreshed")
            if (over := _why_over(row, now)) is not None:
                raise over
            grant = Grant(row.id, row.user, _resource(connection, row), row.ends_at)
            connection.execute(delete(tickets).where(tickets.c.session == session))
            connection.execute(update(sessions).where(sessions.c.id == session).values(pop=pop))
            values = _opens(row) | {"user": row.user, "refreshable": True, "session": session}
            values["resource"] = None if row.site else row.resource
            self._insert(connection, made, values, min(now + REFRESHED_SECONDS, row.ends_at), now)
        return made, grant

    def _insert(
        self, connection: Connection, made: Ticket, values: dict[str, Any], expires_at: float, now: float
    ) -> None:
        connection.execute(delete(tickets).where(tickets.c.expires_at < now - KEEP_SECONDS))
        connection.execute(delete(sessions).where(sessions.c.ends_at < now - KEEP_SECONDS))
        connection.execute(
            insert(tickets).values(values | {"sha256": _digest(made), "expires_at": expires_at})
        )

    def _chance(self, size: int) -> bytes:
        raw = self.random(size - TAG_BYTES)
        return raw + self._tag(raw)

    def _tag(self, raw: bytes) -> bytes:
        return hmac.digest(self.stamp_key, self.id.encode() + b" " + raw, hashlib.sha256)[:TAG_BYTES]


def _why_gone(connection: Connection, spent: str) -> Refused:
    query = select(sessions.c.id).where(sessions.c.ticket_sha256 == spent)
    used = connection.execute(query).first() is not None
    return Refused(
        CloseCode.CLIENT_TICKET_REFUSED, "the ticket was used before" if used else "the ticket is unknown"
    )


def _open(connection: Connection, row: Row[Any], pop: str, now: float) -> Grant | Refused:
    if row.expires_at <= now:
        return Refused(CloseCode.CLIENT_TICKET_EXPIRED)
    resource = _resource(connection, row)
    if row.session is not None:
        return _continue(connection, row, resource, pop, now)
    grant = Grant(secrets.token_hex(SESSION_BYTES), row.user, resource, now + resource.max_seconds)
    values = {
        "id": grant.session, "ticket_sha256": row.sha256, "tenant": resource.tenant,
        "location": resource.location, "resource": resource.id, "user": row.user, "pop": pop,
        "refreshable": row.refreshable, "started_at": now, "ends_at": grant.ends_at,
    }  # fmt: skip
    connection.execute(insert(sessions).values(values | _opens(row)))
    return grant


def _continue(
    connection: Connection, row: Row[Any], resource: Resource, pop: str, now: float
) -> Grant | Refused:
    is_it = sessions.c.id == row.session
    session = connection.execute(select(sessions).where(is_it)).first()
    if (over := _why_over(session, now)) is not None:
        return over
    connection.execute(update(sessions).where(is_it).values(pop=pop, ticket_sha256=row.sha256))
    return Grant(row.session, row.user, resource, session.ends_at)  # type: ignore[union-attr]  # it is not over


def _why_over(session: Row[Any] | None, now: float) -> Refused | None:
    if session is None or session.ends_at <= now:
        return Refused(CloseCode.CLIENT_SESSION_EXPIRED)
    return None if session.ended_at is None else Refused(from_name(session.code))


def _opens(row: Row[Any]) -> dict[str, Any]:
    """Return what a ticket's or a session's row says of a site."""
    return {"site": row.site, "application": row.application, "target": row.target}


def _resource(connection: Connection, row: Row[Any]) -> Resource:
    """Return what a ticket's or a session's row opens."""
    table, name = (sites, row.site) if row.site else (resources, row.resource)
    found = connection.execute(select(table).where(table.c.id == name)).first()
    if found is None:
        raise Refused(CloseCode.BROKER_REFUSED, "the resource was removed")
    if row.site:
        return opened(Site(*found), row.application, *parse_address("target", row.target))
    return Resource(*found)


def _digest(ticket: Ticket) -> str:
    return hashlib.sha256(f"{ticket.sta};{ticket.value}".encode()).hexdigest()
