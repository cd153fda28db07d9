from __future__ import annotations

import pytest
from sqlalchemy import Engine

from gateway.broker import locations
from gateway.errors import Invalid, NameTaken, NotFound
from tests.gateway.broker.world import NOW


def test_a_location_is_found_by_name_and_by_id(engine: Engine) -> None:
    """Its id tells what it is and is unique over all tenants."""
    made = locations.create(engine, "Berlin HQ", tenant="default", now=NOW, random=lambda _: "00ff00ff")
    assert made.id == "berlin-hq-00ff00ff"
    assert locations.find(engine, "Berlin HQ", tenant="default") == made
    assert locations.find(engine, made.id, tenant="default") == made
    assert locations.listing(engine, tenant="default") == (made,)


def test_names_are_taken_per_tenant(engine: Engine) -> None:
    """Two tenants may have the same name, one may not twice."""
    locations.create_tenant(engine, "acme", now=NOW)
    locations.create(engine, "x", tenant="acme", now=NOW)
    locations.create(engine, "x", tenant="default", now=NOW)
    with pytest.raises(NameTaken):
        locations.create(engine, "x", tenant="acme", now=NOW)
    with pytest.raises(NameTaken):
        locations.create_tenant(engine, "acme", now=NOW)
    assert locations.all_tenants(engine) == ("acme", "default")


def test_wrong_names(engine: Engine) -> None:
    """An unknown tenant, a tenant's id or a name with signs that mean something elsewhere."""
    with pytest.raises(NotFound):
        locations.create(engine, "x", tenant="nobody", now=NOW)
    with pytest.raises(Invalid):
        locations.create(engine, "x/y", tenant="default", now=NOW)
    with pytest.raises(Invalid):
        locations.create_tenant(engine, "Acme Inc", now=NOW)
