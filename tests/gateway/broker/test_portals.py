from __future__ import annotations

import pytest
from sqlalchemy import Engine

from gateway.broker import portals
from gateway.errors import NameTaken, Unauthorised
from tests.gateway.broker.world import NOW


def test_a_key_names_its_tenant_until_it_is_revoked(engine: Engine) -> None:
    """Only the key itself does, and it is shown once."""
    key = portals.create(engine, "storefront", tenant="default", now=NOW)
    assert portals.tenant_of(engine, key) == "default"
    assert portals.listing(engine, tenant="default") == ("storefront",)
    with pytest.raises(NameTaken):
        portals.create(engine, "storefront", tenant="default", now=NOW)
    assert portals.revoke(engine, "storefront", tenant="default")
    assert not portals.revoke(engine, "storefront", tenant="default")
    for wrong in (key, "", "hdxk_x", "\udcff"):
        with pytest.raises(Unauthorised):
            portals.tenant_of(engine, wrong)
