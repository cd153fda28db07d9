"""Tokens of the ops API. Only a token's SHA-256 is kept: its 256 random bits need no slow hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from itm.errors import NameTaken
from itm.store import audit
from itm.store.engine import reading, writing
from itm.store.tables import tokens as table

SCOPES = ("feed", "operate", "catalog", "admin")
PREFIX = "itm_"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the secret itself is not. Times are Unix seconds."""

    name: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None


def create(
    engine: Engine,
    name: str,
    scopes: Collection[str],
    *,
    author: str,
    now: float,
    expires_at: float | None = None,
    replace: bool = False,
) -> str:
    """Make a token and return its secret, which cannot be had again.

    Raises `NameTaken`, unless `replace` gives the name's old token up; `ValueError` for an unknown scope.
    """
    if unknown := set(scopes) - set(SCOPES):
        raise ValueError(f"no such scope: {', '.join(sorted(unknown))} (known: {', '.join(SCOPES)})")
    secret = PREFIX + secrets.token_urlsafe(32)
    kept = ",".join(scope for scope in SCOPES if scope in scopes)
    values = {
        "name": name, "sha256": _digest(secret), "scopes": kept, "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    try:
        with writing(engine) as connection:
            if replace:
                connection.execute(delete(table).where(table.c.name == name))
            connection.execute(insert(table).values(values))
            audit.record(
                connection, now, author, "token.create", name=name, scopes=kept, expires_at=expires_at
            )
    except IntegrityError as error:
        raise NameTaken(name) from error
    return secret


def verify(engine: Engine, secret: str, now: float) -> Token | None:
    """Return the token of a secret that is known and not expired."""
    with reading(engine) as connection:
        row = connection.execute(select(table).where(table.c.sha256 == _digest(secret))).first()
    token = None if row is None else _token(row)
    return token if token and (token.expires_at is None or token.expires_at > now) else None


def listing(engine: Engine) -> tuple[Token, ...]:
    """Return all tokens, expired ones too, by name."""
    with reading(engine) as connection:
        rows = connection.execute(select(table).order_by(table.c.name)).all()
    return tuple(_token(row) for row in rows)


def revoke(engine: Engine, name: str, *, author: str, now: float) -> bool:
    """Remove a token; returns whether there was one."""
    with writing(engine) as connection:
        count = connection.execute(delete(table).where(table.c.name == name)).rowcount
        if count:
            audit.record(connection, now, author, "token.revoke", name=name)
    return bool(count)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _token(row: Any) -> Token:
    return Token(row.name, tuple(filter(None, row.scopes.split(","))), row.created_at, row.expires_at)
