from __future__ import annotations

from typing import Literal

import argon2
import pytest
from sqlalchemy import Engine, text

from gateway.broker import locations, users
from gateway.broker.users import Passwords
from gateway.errors import Invalid, NameTaken, NotFound
from tests.gateway.broker.world import FAST, NOW


def test_only_the_right_password_of_the_right_tenant(engine: Engine) -> None:
    """The same name in another tenant is another user."""
    locations.create_tenant(engine, "acme", now=NOW)
    FAST.add(engine, "alice", "correct horse", tenant="default", now=NOW)
    FAST.add(engine, "alice", "battery staple", tenant="acme", now=NOW)
    assert FAST.is_right(engine, "alice", "correct horse", tenant="default")
    assert not FAST.is_right(engine, "alice", "correct horse", tenant="acme")
    assert not FAST.is_right(engine, "bob", "correct horse", tenant="default")
    assert not FAST.is_right(engine, "bob", "nobody", tenant="default")
    assert not FAST.is_right(engine, "alice", "x" * 2000, tenant="default")


def test_the_hash_is_argon2id(engine: Engine) -> None:
    """What the database keeps is a slow, salted hash."""
    FAST.add(engine, "alice", "correct horse", tenant="default", now=NOW)
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT password_hash FROM gw_users")).scalar_one()
    assert kept.startswith("$argon2id$")
    assert "correct" not in kept


def test_a_changed_password(engine: Engine) -> None:
    """The old one is worth nothing."""
    FAST.add(engine, "alice", "correct horse", tenant="default", now=NOW)
    FAST.change(engine, "alice", "battery staple", tenant="default")
    assert not FAST.is_right(engine, "alice", "correct horse", tenant="default")
    assert FAST.is_right(engine, "alice", "battery staple", tenant="default")
    assert users.listing(engine, tenant="default") == ("alice",)


def test_what_is_refused(engine: Engine) -> None:
    """Short passwords, taken names, unknown tenants and users."""
    FAST.add(engine, "alice", "password1", tenant="default", now=NOW)
    with pytest.raises(NameTaken):
        FAST.add(engine, "alice", "password1", tenant="default", now=NOW)
    with pytest.raises(Invalid, match="password: expected 8"):
        FAST.add(engine, "bob", "short", tenant="default", now=NOW)
    with pytest.raises(NotFound):
        FAST.add(engine, "bob", "password1", tenant="nobody", now=NOW)
    with pytest.raises(NotFound):
        FAST.change(engine, "bob", "password1", tenant="default")


def test_an_unknown_name_costs_what_a_wrong_password_costs(engine: Engine) -> None:
    """One pass of the slow hash either way, so that the answer's time does not tell which names exist."""
    FAST.add(engine, "alice", "correct horse", tenant="default", now=NOW)
    passes: list[str] = []

    class Counting(argon2.PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            passes.append("hash")
            return super().hash(password, salt=salt)

        def verify(self, *given: str | bytes) -> Literal[True]:
            passes.append("verify")
            return super().verify(*given)

    counting = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    for name in ("alice", "bob"):
        assert not counting.is_right(engine, name, "wrong one", tenant="default")
    assert passes == ["verify", "hash"]
