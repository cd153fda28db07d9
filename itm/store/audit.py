"""Who changed what, and when. Entries are only added; each change writes its own in its own transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, desc, insert, select

from itm.store.engine import reading, writing
from itm.store.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: Unix time, the token's name or process, `noun.verb`, and its particulars."""

    id: int
    time: float
    who: str
    action: str
    detail: Mapping[str, Any]


def record(connection: Connection, now: float, who: str, action: str, **detail: Any) -> None:
    """Add an entry to the transaction of the change it tells of. `detail` must be JSON values."""
    values = {"time": now, "who": who, "action": action, "detail_json": json.dumps(detail, sort_keys=True)}
    connection.execute(insert(audit).values(values))


def write(engine: Engine, now: float, who: str, action: str, **detail: Any) -> None:
    """Add an entry for a change that is kept elsewhere."""
    with writing(engine) as connection:
        record(connection, now, who, action, **detail)


def history(engine: Engine, limit: int = 100, before: int | None = None) -> tuple[Entry, ...]:
    """Return up to `limit` entries, newest first; `before` is the id of the last one already seen."""
    query = select(audit).order_by(desc(audit.c.id)).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return tuple(Entry(row.id, row.time, row.who, row.action, json.loads(row.detail_json)) for row in rows)
