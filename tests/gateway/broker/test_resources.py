from __future__ import annotations

import pytest
from sqlalchemy import Engine

from gateway.broker import locations, resources
from gateway.broker.resources import Draft
from gateway.errors import Invalid, NameTaken, NotFound
from tests.gateway.broker.world import FAST, NOW, make_resource


def test_everyone_or_those_named(engine: Engine) -> None:
    """Without names all users of the tenant see a resource; with names only those."""
    for name in ("alice", "bob"):
        FAST.add(engine, name, "password1", tenant="default", now=NOW)
    site = locations.create(engine, "site", tenant="default", now=NOW).id
    resources.add(engine, Draft("all", site, "10.0.0.5", 22), tenant="default", now=NOW)
    resources.add(engine, Draft("hers", site, "10.0.0.6", 22, ["alice"]), tenant="default", now=NOW)
    assert [r.name for r in resources.of_user(engine, "alice", tenant="default")] == ["all", "hers"]
    assert [r.name for r in resources.of_user(engine, "bob", tenant="default")] == ["all"]


def test_tenants_see_nothing_of_each_other(engine: Engine) -> None:
    """Names may be the same; ids of another tenant's do not open."""
    locations.create_tenant(engine, "acme", now=NOW)
    ours = make_resource(engine)
    theirs = make_resource(engine, tenant="acme")
    FAST.add(engine, "alice", "password1", tenant="acme", now=NOW)
    assert resources.find(engine, "office", tenant="acme") == theirs
    assert resources.of_user(engine, "alice", tenant="acme") == (theirs,)
    assert resources.at_target(engine, "10.0.0.5", 3389, tenant="acme") == (theirs,)
    with pytest.raises(NotFound):
        resources.find(engine, ours.id, tenant="acme")
    with pytest.raises(NotFound):
        locations.find(engine, ours.location, tenant="acme")


@pytest.mark.parametrize(
    ("draft", "kind"),
    [
        (Draft("a;b", "", "h", 1), Invalid),
        (Draft("[x]", "", "h", 1), Invalid),
        (Draft("two\nlines", "", "h", 1), Invalid),
        (Draft("WFClient", "", "h", 1), Invalid),
        (Draft("x", "", "h", 1, idle_seconds=0, max_seconds=0), Invalid),
        (Draft("x", "", "h", 1, ["nobody"]), NotFound),
        (Draft("taken", "", "h", 1), NameTaken),
    ],
)
def test_what_cannot_be_added(engine: Engine, draft: Draft, kind: type[Exception]) -> None:
    """Names that would break a launch file, unknown users, a second of the same name."""
    taken = make_resource(engine, "taken")
    with pytest.raises(kind):
        resources.add(
            engine,
            Draft(draft.name, taken.location, "h", 1, draft.users, draft.idle_seconds, draft.max_seconds),
            tenant="default",
            now=NOW,
        )
    assert resources.listing(engine, tenant="default") == (taken,)
