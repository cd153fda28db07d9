"""Canaries: catalog versions that a slice of the networks lives with, and what became of them.

The builder begins and ends them, people wish for an end; at most one runs (a unique index holds that).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, desc, insert, select, update

from itm.store import audit, catalogs
from itm.store.engine import reading, writing
from itm.store.tables import canaries as table

WISHES: Final = ("promote", "abort")
FATES: Final = ("promoted", "rolled back", "aborted")


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary: `share` of the places by `seed` live with catalog `version`; times are Unix seconds.

    `wish` is what a person wants, empty: to be judged by what is measured. `fate` is empty while it runs.
    """

    id: int
    version: int
    share: float
    seed: int
    started_at: float
    wish: str
    wished_by: str
    ended_at: float | None
    fate: str
    reason: str
    verdict: Any

    @classmethod
    def asked(cls, version: int, share: float, seed: int) -> Canary:
        """Return one that has not begun."""
        return cls(0, version, share, seed, 0.0, "", "", None, "", "", None)


def begin(engine: Engine, asked: Canary, plan: Mapping[str, Any], *, now: float) -> Canary:
    """Make a pending version a canary; pending versions before it are superseded."""
    facts = {name: getattr(asked, name) for name in ("version", "share", "seed")}
    values = facts | {
        "started_at": now, "wish": "", "wished_by": "", "ended_at": None, "fate": "", "reason": "",
        "verdict_json": "null",
    }  # fmt: skip
    with writing(engine) as connection:
        catalogs.settle_within(connection, asked.version, "canary", json.dumps(plan), now=now)
        row = connection.execute(insert(table).values(values).returning(*table.c)).one()
        audit.record(connection, now, "builder", "canary.begin", **facts)
    return _canary(row)


def running(engine: Engine) -> Canary | None:
    """Return the canary that runs."""
    with reading(engine) as connection:
        row = connection.execute(select(table).where(table.c.ended_at.is_(None))).first()
    return None if row is None else _canary(row)


def wish(engine: Engine, what: str, *, author: str, now: float) -> Canary | None:
    """Say what shall become of the canary that runs; None: there is none."""
    if what not in WISHES:
        raise ValueError(f"a wish is one of {WISHES}, not {what!r}")
    found = running(engine)
    if found is not None:
        with writing(engine) as connection:
            still = (table.c.id == found.id) & table.c.ended_at.is_(None)
            connection.execute(update(table).where(still).values(wish=what, wished_by=author))
            audit.record(connection, now, author, f"canary.{what}", version=found.version)
    return found


def end(engine: Engine, canary: Canary, fate: str, reason: str, verdict: Any, *, now: float) -> None:
    """End a canary: promoted, its version is live; else it is refused, for this reason."""
    if fate not in FATES:
        raise ValueError(f"a fate is one of {FATES}, not {fate!r}")
    values = {"ended_at": now, "fate": fate, "reason": reason, "verdict_json": json.dumps(verdict)}
    status = "live" if fate == "promoted" else "refused"
    with writing(engine) as connection:
        connection.execute(update(table).where(table.c.id == canary.id).values(values))
        catalogs.settle_within(connection, canary.version, status, None, now=now, reason=f"{fate}: {reason}")
        action = f"canary.{fate.replace(' ', '_')}"
        audit.record(
            connection, now, "builder", action, version=canary.version, reason=reason, measured=verdict
        )


def history(engine: Engine, limit: int = 20) -> tuple[Canary, ...]:
    """Return up to `limit` canaries, newest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(table).order_by(desc(table.c.id)).limit(limit)).all()
    return tuple(_canary(row) for row in rows)


def _canary(row: Any) -> Canary:
    values = dict(row._mapping)
    return Canary(verdict=json.loads(values.pop("verdict_json")), **values)
