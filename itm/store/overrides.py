"""What people have said about POPs: forced up, forced down or drained, until a time or until cleared."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Engine, delete, insert, or_, select

from itm.store import audit
from itm.store.engine import reading, writing
from itm.store.tables import overrides as table

STATES = ("up", "down", "drained")


@dataclass(frozen=True, slots=True)
class Override:
    """One POP's forced state; `expires_at` None means until cleared. Times are Unix seconds."""

    pop: str
    state: str
    author: str
    created_at: float
    expires_at: float | None = None
    reason: str = ""


def put(engine: Engine, override: Override) -> None:
    """Set a POP's override in place of the one it may have."""
    if override.state not in STATES:
        raise ValueError(f"an override is one of {STATES}, not {override.state!r}")
    values = asdict(override)
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.pop == override.pop))
        connection.execute(insert(table).values(values))
        detail = {name: values[name] for name in ("pop", "state", "reason", "expires_at")}
        audit.record(connection, override.created_at, override.author, "pop.override", **detail)


def clear(engine: Engine, pop: str, *, author: str, now: float) -> bool:
    """Remove a POP's override; returns whether there was one."""
    with writing(engine) as connection:
        count = connection.execute(delete(table).where(table.c.pop == pop)).rowcount
        if count:
            audit.record(connection, now, author, "pop.clear", pop=pop)
    return bool(count)


def active(engine: Engine, now: float) -> tuple[Override, ...]:
    """Return the overrides that hold at `now`, by POP id."""
    holds = or_(table.c.expires_at.is_(None), table.c.expires_at > now)
    with reading(engine) as connection:
        rows = connection.execute(select(table).where(holds).order_by(table.c.pop)).all()
    return tuple(Override(**row._mapping) for row in rows)
