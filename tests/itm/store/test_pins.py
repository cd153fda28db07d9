"""The pinned map version."""

from __future__ import annotations

from sqlalchemy import Engine

from itm.store import audit, pins
from itm.store.pins import Pin


def test_pin_and_unpin(engine: Engine) -> None:
    """One version is pinned at a time, until it is unpinned; each step is audited."""
    assert pins.get(engine) is None
    pins.set(engine, 7, author="anna", now=1.0)
    pins.set(engine, 9, author="ben", now=2.0)
    assert pins.get(engine) == Pin(9, "ben", 2.0)
    pins.set(engine, None, author="anna", now=3.0)
    assert pins.get(engine) is None
    assert [(e.action, e.detail["version"]) for e in audit.history(engine)] == [
        ("map.unpin", None),
        ("map.pin", 9),
        ("map.pin", 7),
    ]
