"""Catalog versions: every bundle that was ever asked for, and what became of it.

    pending -> live -> superseded
            -> canary -> live, refused
            -> refused
            -> superseded (a later version was settled first)

The edge adds pending ones, the builder settles them. At most one is live (a unique index holds that). A
version number is never given twice; going back adds a new version with the old bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, desc, insert, select, update

from itm.store import audit
from itm.store.engine import reading, writing
from itm.store.tables import catalog_versions as table

SETTLED = ("canary", "live", "refused")
UNSETTLED = ("pending", "canary")


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """One version. `files` is the bundle; `plan_json` is an empty text until it is settled.

    `canary_share` of the places (None: all) shall live with it first, drawn by `canary_seed` (None: its
    number).
    """

    version: int
    created_at: float
    author: str
    message: str
    files: Mapping[str, str]
    status: str
    forced: bool
    settled_at: float | None
    reason: str
    plan_json: str
    canary_share: float | None = None
    canary_seed: int | None = None


def add_pending(
    engine: Engine,
    files: Mapping[str, str],
    *,
    author: str,
    now: float,
    message: str = "",
    forced: bool = False,
    canary_share: float | None = None,
    canary_seed: int | None = None,
) -> int:
    """Keep a checked bundle for the builder to take up; returns its version."""
    values = {
        "created_at": now, "author": author, "message": message, "forced": forced, "status": "pending",
        "bundle_json": json.dumps(dict(files)), "settled_at": None, "reason": "", "plan_json": "",
        "canary_share": canary_share, "canary_seed": canary_seed,
    }  # fmt: skip
    with writing(engine) as connection:
        added = connection.execute(insert(table).values(values).returning(table.c.version))
        version: int = added.scalar_one()
        told = {} if canary_share is None else {"canary_share": canary_share}
        audit.record(
            connection, now, author, "catalog.apply", version=version, forced=forced, message=message, **told
        )
    return version


def latest_pending(engine: Engine) -> CatalogVersion | None:
    """Return the newest version that waits for the builder."""
    return _one(engine, table.c.status == "pending")


def live(engine: Engine) -> CatalogVersion | None:
    """Return the version that is served."""
    return _one(engine, table.c.status == "live")


def canary(engine: Engine) -> CatalogVersion | None:
    """Return the version that a slice lives with."""
    return _one(engine, table.c.status == "canary")


def get(engine: Engine, version: int) -> CatalogVersion | None:
    """Return one version."""
    return _one(engine, table.c.version == version)


def history(engine: Engine, limit: int = 50) -> tuple[CatalogVersion, ...]:
    """Return up to `limit` versions, newest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(table).order_by(desc(table.c.version)).limit(limit)).all()
    return tuple(_version(row) for row in rows)


def settle(
    engine: Engine,
    version: int,
    status: str,
    plan_json: str = "",
    *,
    now: float,
    reason: str = "",
    who: str = "builder",
) -> bool:
    """Settle a version as one of `SETTLED`; returns False, changing nothing, if it is settled already.

    The version that was live, if this one goes live, and pending versions older than this one are superseded.
    """
    with writing(engine) as connection:
        return settle_within(connection, version, status, plan_json, now=now, reason=reason, who=who)


def settle_within(
    connection: Connection,
    version: int,
    status: str,
    plan_json: str | None,
    *,
    now: float,
    reason: str = "",
    who: str = "builder",
) -> bool:
    """Settle a version as part of a larger change; `plan_json` None leaves the Plan that it has."""
    if status not in SETTLED:
        raise ValueError(f"a version is settled as one of {SETTLED}, not {status!r}")
    found = connection.execute(
        select(table.c.status).where(table.c.version == version).with_for_update()
    ).scalar()
    if found not in UNSETTLED:
        return False
    _supersede(connection, version, now, live_too=status == "live")
    values = {"status": status, "reason": reason, "settled_at": now}
    values |= {} if plan_json is None else {"plan_json": plan_json}
    connection.execute(update(table).where(table.c.version == version).values(values))
    audit.record(connection, now, who, f"catalog.{status}", version=version, reason=reason)
    return True


def _supersede(connection: Connection, version: int, now: float, *, live_too: bool) -> None:
    passed = (table.c.status == "pending") & (table.c.version < version)
    values = {"status": "superseded", "settled_at": now, "reason": f"version {version} came later"}
    connection.execute(update(table).where(passed).values(values))
    if live_too:
        connection.execute(update(table).where(table.c.status == "live").values(status="superseded"))


def _one(engine: Engine, condition: ColumnElement[bool]) -> CatalogVersion | None:
    with reading(engine) as connection:
        row = connection.execute(
            select(table).where(condition).order_by(desc(table.c.version)).limit(1)
        ).first()
    return None if row is None else _version(row)


def _version(row: Any) -> CatalogVersion:
    values = dict(row._mapping)
    return CatalogVersion(files=json.loads(values.pop("bundle_json")), **values)
