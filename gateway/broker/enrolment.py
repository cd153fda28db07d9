"""How a connector or a POP comes in: a one-time token, then its certificate, buys the next certificate.

A token is deleted in the transaction that issues what it bought, so two that present it cannot both win.
The certificate's names come from the token's row, never from the request.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from gateway.broker import certificates
from gateway.broker.authority import Authority, Issued
from gateway.broker.engine import reading, writing
from gateway.broker.locations import Location
from gateway.broker.names import check_slug, format_address, parse_address
from gateway.broker.portals import digest
from gateway.broker.tables import connectors, enrolments, locations, pops
from gateway.errors import Invalid, NotFound, Refused, Unauthorised
from gateway.identity import MOST_HOSTS, Identity, host_name

TOKEN_SECONDS: Final = 3600.0
PREFIX: Final = "hdxe_"


@dataclass(frozen=True, slots=True)
class Peer:
    """A connector or a POP as listed. Times are Unix seconds; `addresses` are a POP's."""

    id: str
    location: str
    addresses: tuple[str, ...]
    created_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Issues tokens and certificates. `gateway_name` is what POPs serve under besides their addresses."""

    engine: Engine
    authority: Authority
    certificate_seconds: float
    gateway_name: str
    random: Callable[[int], str] = secrets.token_urlsafe

    def connector_token(self, location: Location, now: float, vda: Sequence[str] = ()) -> str:
        """Return a one-time token that enrols one connector of the location.

        With the names and addresses of a `vda` (as resources write it) it enrols that VDA's own agent.
        """
        hosts = list(dict.fromkeys(host_name(name) for name in vda))
        wrong = [f"vda: expected a host name or an address, got {name[:80]!r}" for name in vda if not name]
        for host in hosts:
            parse_address("vda", format_address(host, 1))
        if wrong or len(hosts) > MOST_HOSTS:
            raise Invalid(wrong or [f"vda: expected at most {MOST_HOSTS} names"])
        return self._token({"role": "connector", "location": location.id, "addresses": ",".join(hosts)}, now)

    def pop_token(self, pop: str, addresses: Sequence[str], now: float) -> str:
        """Return a one-time token that enrols one host of the POP at these addresses. Raises `Invalid`."""
        check_slug("pop", pop)
        if not addresses:
            raise Invalid(["address: expected at least one host:port"])
        texts = ",".join(format_address(*parse_address("address", text)) for text in addresses)
        return self._token({"role": "pop", "pop": pop, "addresses": texts}, now)

    def enrol(self, role: str, token: str, csr_pem: str, now: float) -> tuple[Identity, Issued]:
        """Spend a token. Raises `Unauthorised` (unknown, used, expired or of another role), `Invalid`."""
        is_it = (
            enrolments.c.sha256 == digest(token),
            enrolments.c.role == role,
            enrolments.c.expires_at > now,
        )
        unknown = Unauthorised("unauthorised", "the enrolment token is unknown, used or expired")
        with reading(self.engine) as connection:  # a stranger's guess does not take the writers' lock
            if connection.execute(select(enrolments.c.role).where(*is_it)).first() is None:
                raise unknown
        with writing(self.engine) as connection:
            row = connection.execute(delete(enrolments).where(*is_it).returning(*enrolments.c)).first()
            if row is None:
                raise unknown
            enter = self._enter_connector if role == "connector" else self._enter_pop
            identity = enter(connection, row, now)
            return identity, self._issue(connection, csr_pem, identity)

    def renew(self, old: Identity, csr_pem: str) -> Issued:
        """Issue the next certificate to the holder of one that `certificates.check` found good."""
        with writing(self.engine) as connection:
            return self._issue(connection, csr_pem, old)

    def revoke(self, role: str, name: str, now: float) -> int:
        """Make a connector's or POP's certificates worthless; returns how many. Raises `NotFound`."""
        table = connectors if role == "connector" else pops
        with writing(self.engine) as connection:
            done = connection.execute(update(table).where(table.c.id == name).values(revoked_at=now))
            if not done.rowcount:
                raise NotFound(f"no {role} {name}")
            return certificates.revoke(connection, role, name, now)

    def _token(self, values: dict[str, Any], now: float) -> str:
        token = PREFIX + self.random(32)
        kept = {"sha256": digest(token), "created_at": now, "expires_at": now + TOKEN_SECONDS}
        with writing(self.engine) as connection:
            connection.execute(delete(enrolments).where(enrolments.c.expires_at <= now))
            connection.execute(insert(enrolments).values(values | kept))
        return token

    def _enter_connector(self, connection: Connection, row: Any, now: float) -> Identity:
        tenant = connection.execute(
            select(locations.c.tenant).where(locations.c.id == row.location)
        ).scalar_one()
        name = f"c-{secrets.token_hex(6)}"
        values = {"id": name, "location": row.location, "created_at": now, "revoked_at": None}
        connection.execute(insert(connectors).values(values))
        hosts = tuple(row.addresses.split(",")) if row.addresses else ()
        return Identity("connector", name, tenant, row.location, hosts=hosts)

    def _enter_pop(self, connection: Connection, row: Any, now: float) -> Identity:
        is_it = pops.c.id == row.pop
        before = connection.execute(select(pops.c.addresses, pops.c.revoked_at).where(is_it)).first()
        if before is None:
            values = {"id": row.pop, "addresses": row.addresses, "created_at": now, "revoked_at": None}
            connection.execute(insert(pops).values(values))
        else:
            kept = [] if before.revoked_at is not None else before.addresses.split(",")
            addresses = ",".join(dict.fromkeys([*kept, *row.addresses.split(",")]))
            connection.execute(update(pops).where(is_it).values(addresses=addresses, revoked_at=None))
        return Identity("pop", row.pop)

    def _issue(self, connection: Connection, csr_pem: str, identity: Identity) -> Issued:
        hosts: list[str] = []
        if identity.role == "pop":
            texts = connection.execute(select(pops.c.addresses).where(pops.c.id == identity.id)).scalar_one()
            hosts = [self.gateway_name, *(parse_address("address", text)[0] for text in texts.split(","))]
        issued = self.authority.issue(csr_pem, identity, self.certificate_seconds, hosts)
        certificates.record(connection, issued, identity)
        return issued


def pop_addresses(engine: Engine) -> tuple[str, ...]:
    """Return where the POPs that are not revoked can be reached, in the order of their enrolment."""
    query = select(pops.c.addresses).where(pops.c.revoked_at.is_(None)).order_by(pops.c.created_at, pops.c.id)
    with reading(engine) as connection:
        rows = connection.execute(query).scalars().all()
    return tuple(dict.fromkeys(address for row in rows for address in row.split(",")))


def check_connector(engine: Engine, connector: str, location: str) -> None:
    """Raise `Refused` unless the connector is enrolled at the location (`broker_refused`), not revoked."""
    is_it = (connectors.c.id == connector, connectors.c.location == location)
    with reading(engine) as connection:
        row = connection.execute(select(connectors.c.revoked_at).where(*is_it)).first()
    if row is None:
        raise Refused("broker_refused", f"{location} has no connector {connector}")
    if row.revoked_at is not None:
        raise Refused("broker_revoked", f"{connector} was revoked")


def listing(engine: Engine, role: str, *, tenant: str = "") -> tuple[Peer, ...]:
    """Return the POPs, or the connectors of a tenant, revoked ones too, oldest first."""
    with reading(engine) as connection:
        if role == "pop":
            rows = connection.execute(select(pops).order_by(pops.c.created_at, pops.c.id)).all()
            return tuple(
                Peer(r.id, "", tuple(r.addresses.split(",")), r.created_at, r.revoked_at) for r in rows
            )
        query = select(connectors).join(locations).where(locations.c.tenant == tenant)
        rows = connection.execute(query.order_by(connectors.c.created_at, connectors.c.id)).all()
    return tuple(Peer(r.id, r.location, (), r.created_at, r.revoked_at) for r in rows)
