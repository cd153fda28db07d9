from __future__ import annotations

from typing import Literal

import argon2
import pytest
from sqlalchemy import Engine, text

from gateway.broker import locations, logins, resources, users
from gateway.broker.resources import Draft
from gateway.broker.users import Passwords
from gateway.errors import Invalid, NameTaken, NotFound, Refused
from tests.gateway.broker.world import FAST, NOW, make_resource, make_sta


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


def test_a_removed_user_leaves_nothing_usable(engine: Engine) -> None:
    """Login, unspent ticket and assignment are gone; a namesake in another tenant and other users stay."""
    locations.create_tenant(engine, "acme", now=NOW)
    for name, tenant in (("alice", "default"), ("bob", "default"), ("alice", "acme")):
        FAST.add(engine, name, "correct horse", tenant=tenant, now=NOW)
    site = locations.create(engine, "site", tenant="default", now=NOW)
    draft = Draft("desk", site.id, "10.0.0.5", 3389, users=("alice", "bob"))
    desk = resources.add(engine, draft, tenant="default", now=NOW)
    elsewhere = make_resource(engine, tenant="acme")
    sta = make_sta(engine)
    gone = sta.request(desk, "alice", now=NOW)
    kept = sta.request(desk, "bob", now=NOW), sta.request(elsewhere, "alice", now=NOW)
    login = logins.begin(engine, "default", "alice", now=NOW)
    users.remove(engine, "alice", tenant="default")
    assert logins.find(engine, login, now=NOW) is None
    assert not FAST.is_right(engine, "alice", "correct horse", tenant="default")
    with pytest.raises(Refused):
        sta.redeem(gone, "fra", now=NOW)
    assert [sta.redeem(ticket, "fra", now=NOW).user for ticket in kept] == ["bob", "alice"]
    FAST.add(engine, "alice", "another horse", tenant="default", now=NOW)
    assert not resources.of_user(engine, "alice", tenant="default"), "a namesake inherits nothing"
    with pytest.raises(NotFound):
        users.remove(engine, "carol", tenant="default")
