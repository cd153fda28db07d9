"""Catalogs of which somebody asks the whole Plan: the edge asks, the builder answers, none goes live.

An id is never given twice; of those that are answered the newest few are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, delete, desc, insert, select, update

from itm.store.engine import reading, writing
from itm.store.tables import plans as table

KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class AskedPlan:
    """One question and, once `answered_at` is set, its answer or the `reason` why there is none."""

    id: int
    created_at: float
    author: str
    files: Mapping[str, str]
    answered_at: float | None
    reason: str
    answer: Any


def ask(engine: Engine, files: Mapping[str, str], *, author: str, now: float) -> int:
    """Keep a checked bundle for the builder to plan; returns the id."""
    values = {
        "created_at": now, "author": author, "bundle_json": json.dumps(dict(files)), "answered_at": None,
        "reason": "", "answer_json": "null",
    }  # fmt: skip
    with writing(engine) as connection:
        added = connection.execute(insert(table).values(values).returning(table.c.id))
        return int(added.scalar_one())


def waiting(engine: Engine) -> AskedPlan | None:
    """Return the oldest that waits for the builder."""
    return _first(engine, table.c.answered_at.is_(None))


def get(engine: Engine, number: int) -> AskedPlan | None:
    """Return one, if it is kept."""
    return _first(engine, table.c.id == number)


def answer(engine: Engine, number: int, found: Any, *, now: float, reason: str = "") -> None:
    """Keep the answer (JSON-ready), and forget the oldest ones."""
    values = {"answered_at": now, "answer_json": json.dumps(found), "reason": reason}
    newest = select(table.c.id).order_by(desc(table.c.id)).limit(KEPT)
    with writing(engine) as connection:
        connection.execute(update(table).where(table.c.id == number).values(values))
        old = table.c.answered_at.is_not(None) & table.c.id.not_in(newest)
        connection.execute(delete(table).where(old))


def _first(engine: Engine, condition: ColumnElement[bool]) -> AskedPlan | None:
    with reading(engine) as connection:
        row = connection.execute(select(table).where(condition).order_by(table.c.id).limit(1)).first()
    if row is None:
        return None
    values = dict(row._mapping)
    files, found = json.loads(values.pop("bundle_json")), json.loads(values.pop("answer_json"))
    return AskedPlan(files=files, answer=found, **values)
