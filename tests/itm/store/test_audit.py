"""The audit trail."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from itm.store import audit
from itm.store.engine import writing


def test_newest_first_in_pages(engine: Engine) -> None:
    """Entries come newest first; the next page starts before the last id seen."""
    for n in range(5):
        audit.write(engine, float(n), "anna", "feed.rows", rows=n)
    page = audit.history(engine, limit=2)
    assert [(e.time, e.who, e.action, e.detail) for e in page] == [
        (4.0, "anna", "feed.rows", {"rows": 4}),
        (3.0, "anna", "feed.rows", {"rows": 3}),
    ]
    assert [e.detail["rows"] for e in audit.history(engine, limit=2, before=page[-1].id)] == [2, 1]


def test_an_entry_shares_the_fate_of_its_change(engine: Engine) -> None:
    """What is undone leaves no entry."""
    with pytest.raises(TypeError, match="not JSON serializable"), writing(engine) as connection:  # noqa: PT012
        audit.record(connection, 1.0, "anna", "pop.clear", pop="a")
        audit.record(connection, 1.0, "anna", "pop.clear", pop=b"a")
    assert audit.history(engine) == ()
