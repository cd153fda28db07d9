"""The pin: the map version a person went back to. While one is set, the builder publishes no other."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select

from itm.store import audit
from itm.store.engine import reading, writing
from itm.store.tables import pins as table

_MAP = "map"


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned map version, by whom and when (Unix seconds)."""

    version: int
    author: str
    created_at: float


def get(engine: Engine) -> Pin | None:
    """Return the pin, if one is set."""
    with reading(engine) as connection:
        row = connection.execute(select(table).where(table.c.what == _MAP)).first()
    return None if row is None else Pin(row.version, row.author, row.created_at)


def set(engine: Engine, version: int | None, *, author: str, now: float) -> None:  # noqa: A001  pins.set
    """Pin a map version, or with None let the builder publish again."""
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.what == _MAP))
        if version is not None:
            values = {"what": _MAP, "version": version, "author": author, "created_at": now}
            connection.execute(insert(table).values(values))
        audit.record(
            connection, now, author, "map.pin" if version is not None else "map.unpin", version=version
        )
