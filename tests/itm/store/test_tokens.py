"""Tokens of the ops API."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from itm.errors import NameTaken
from itm.store import audit, tokens
from itm.store.engine import reading
from itm.store.tokens import Token


def test_a_secret_opens_what_its_scopes_say(engine: Engine) -> None:
    """The right secret yields name and scopes, any other nothing."""
    secret = tokens.create(engine, "ci", {"operate", "feed"}, author="anna", now=5.0)
    assert secret.startswith("itm_")
    assert tokens.verify(engine, secret, 6.0) == Token("ci", ("feed", "operate"), 5.0, None)
    for wrong in ("", "ci", secret[:-1], secret + "x", "\udcff"):
        assert tokens.verify(engine, wrong, 6.0) is None


def test_expiry(engine: Engine) -> None:
    """From the stated moment on a token opens nothing, and is still listed."""
    secret = tokens.create(engine, "ci", ["feed"], author="anna", now=5.0, expires_at=10.0)
    assert tokens.verify(engine, secret, 9.9) is not None
    assert tokens.verify(engine, secret, 10.0) is None
    assert [token.name for token in tokens.listing(engine)] == ["ci"]


def test_revoked_at_once(engine: Engine) -> None:
    """A revoked token opens nothing."""
    secret = tokens.create(engine, "ci", ["feed"], author="anna", now=5.0)
    assert tokens.revoke(engine, "ci", author="anna", now=6.0)
    assert tokens.verify(engine, secret, 6.0) is None
    assert not tokens.revoke(engine, "ci", author="anna", now=7.0)


def test_names_are_unique(engine: Engine) -> None:
    """A second token of a name is refused, or takes the first one's place when asked to."""
    first = tokens.create(engine, "ci", ["feed"], author="anna", now=5.0)
    with pytest.raises(NameTaken):
        tokens.create(engine, "ci", ["feed"], author="anna", now=6.0)
    assert tokens.verify(engine, first, 6.0) is not None
    second = tokens.create(engine, "ci", ["admin"], author="anna", now=7.0, replace=True)
    assert tokens.verify(engine, first, 8.0) is None
    assert tokens.verify(engine, second, 8.0) == Token("ci", ("admin",), 7.0, None)


def test_unknown_scope(engine: Engine) -> None:
    """A scope that does not exist is refused by name."""
    with pytest.raises(ValueError, match="no such scope: root"):
        tokens.create(engine, "ci", ["feed", "root"], author="anna", now=5.0)


def test_the_secret_is_nowhere(engine: Engine) -> None:
    """Neither the table nor the audit trail holds it."""
    secret = tokens.create(engine, "ci", ["feed"], author="anna", now=5.0)
    with reading(engine) as connection:
        rows = str(connection.execute(text("SELECT * FROM tokens")).all())
    assert secret not in rows + str(audit.history(engine))
