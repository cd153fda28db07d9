"""Forced states of POPs."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from itm.store import audit, overrides
from itm.store.engine import open_engine
from itm.store.overrides import Override

DRAIN = Override("az-eu-w", "drained", "anna", 100.0, expires_at=160.0, reason="kernel update")


def test_an_override_survives_the_process(url: str, engine: Engine) -> None:
    """Another process reads it as it was written."""
    overrides.put(engine, DRAIN)
    other = open_engine(url)
    assert overrides.active(other, 101.0) == (DRAIN,)
    other.dispose()


def test_it_ends_at_its_time(engine: Engine) -> None:
    """From the stated moment on it does not hold; one without a time holds on."""
    forever = Override("b", "down", "anna", 100.0)
    overrides.put(engine, DRAIN)
    overrides.put(engine, forever)
    assert overrides.active(engine, 159.9) == (DRAIN, forever)
    assert overrides.active(engine, 160.0) == (forever,)


def test_the_last_word_counts(engine: Engine) -> None:
    """A POP has one override at a time."""
    up = Override("az-eu-w", "up", "ben", 110.0)
    overrides.put(engine, DRAIN)
    overrides.put(engine, up)
    assert overrides.active(engine, 111.0) == (up,)


def test_clearing(engine: Engine) -> None:
    """Clearing tells whether there was something to clear."""
    overrides.put(engine, DRAIN)
    assert overrides.clear(engine, "az-eu-w", author="ben", now=120.0)
    assert not overrides.clear(engine, "az-eu-w", author="ben", now=121.0)
    assert overrides.active(engine, 121.0) == ()
    assert [(e.who, e.action) for e in audit.history(engine)] == [
        ("ben", "pop.clear"),
        ("anna", "pop.override"),
    ]


def test_unknown_state(engine: Engine) -> None:
    """Only the three words are states."""
    with pytest.raises(ValueError, match="sideways"):
        overrides.put(engine, Override("a", "sideways", "x", 0.0))
