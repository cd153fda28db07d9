from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert

from gateway.broker import directory_users, resources, users
from gateway.broker.engine import writing
from gateway.broker.resources import Draft
from gateway.broker.tables import users as table
from gateway.errors import NotFound, Refused
from tests.gateway.broker.test_directories import STAFF, corp, kept
from tests.gateway.broker.world import FAST, NOW


def names(engine: Engine, user: str) -> list[str]:
    return [each.name for each in resources.of_user(engine, user, tenant="default")]


def test_what_a_group_may_open(engine: Engine) -> None:
    """As of the last login: who left the group at the directory has lost it then."""
    site = kept(engine).add(corp(engine), "x", now=NOW).location.id
    groups = [("corp", "CN=Staff, DC=x")]
    resources.add(engine, Draft("staffs", site, "h", 1, groups=groups), tenant="default", now=NOW)
    assert directory_users.assigned_groups(engine, "default", "corp") == {STAFF}
    directory_users.seen(engine, "default", "corp", "ann@corp", [STAFF], now=NOW)
    directory_users.seen(engine, "default", "corp", "bob@corp", [], now=NOW)
    assert (names(engine, "ann@corp"), names(engine, "bob@corp")) == (["staffs"], [])
    directory_users.seen(engine, "default", "corp", "ann@corp", [], now=NOW)
    assert names(engine, "ann@corp") == []


def test_a_group_of_another_directory_is_another_group(engine: Engine) -> None:
    """The same DN in a second directory opens nothing of the first one's."""
    directories = kept(engine)
    site = directories.add(corp(engine), "x", now=NOW).location.id
    directories.add(corp(engine, "lab"), "x", now=NOW)
    resources.add(engine, Draft("a", site, "h", 1, groups=[("corp", STAFF)]), tenant="default", now=NOW)
    directory_users.seen(engine, "default", "lab", "ann@lab", [STAFF], now=NOW)
    assert names(engine, "ann@lab") == []
    with pytest.raises(NotFound, match="no directory nowhere"):
        resources.add(
            engine, Draft("b", site, "h", 1, groups=[("nowhere", STAFF)]), tenant="default", now=NOW
        )


def test_a_user_is_assigned_before_the_first_login(engine: Engine) -> None:
    """Named with the directory; then the same row logs in."""
    site = kept(engine).add(corp(engine), "x", now=NOW).location.id
    resources.add(engine, Draft("hers", site, "h", 1, ["ann@corp"]), tenant="default", now=NOW)
    directory_users.seen(engine, "default", "corp", "ann@corp", [], now=NOW)
    assert names(engine, "ann@corp") == ["hers"]


def test_no_local_password_opens_a_directorys_user(engine: Engine) -> None:
    """Neither a guess at what stands for it, nor one that an operator sets."""
    kept(engine).add(corp(engine), "x", now=NOW)
    directory_users.seen(engine, "default", "corp", "ann@corp", [], now=NOW)
    for guess in ("!", "", "nobody"):
        assert not FAST.is_right(engine, "ann@corp", guess, tenant="default")
    with pytest.raises(NotFound):
        FAST.change(engine, "ann@corp", "password1", tenant="default")
    assert not users.is_local(engine, "ann@corp", tenant="default")


def test_a_local_user_is_never_taken_for_a_directorys(engine: Engine) -> None:
    """Even if one stands there under such a name, from before."""
    kept(engine).add(corp(engine), "x", now=NOW)
    with writing(engine) as connection:
        values = {"tenant": "default", "name": "ann@corp", "password_hash": "h", "created_at": NOW}
        connection.execute(insert(table).values(values))
    with pytest.raises(Refused, match="local user"):
        directory_users.seen(engine, "default", "corp", "ann@corp", [], now=NOW)
