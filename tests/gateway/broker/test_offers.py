from __future__ import annotations

import pytest
from sqlalchemy import Engine

from gateway.broker import locations, offers
from gateway.broker.offers import Offer, kind_of
from tests.gateway.broker.world import NOW, make_resource


def test_a_user_sees_name_place_and_kind(engine: Engine) -> None:
    """Of their own tenant."""
    locations.create_tenant(engine, "acme", now=NOW)
    office = make_resource(engine)
    make_resource(engine, "foreign", tenant="acme")
    assert offers.of_user(engine, "alice", tenant="default") == (
        Offer(office.id, "office", "office-site", "rdp"),
    )


@pytest.mark.parametrize(
    ("port", "kind"), [(22, "ssh"), (3389, "rdp"), (5901, "vnc"), (443, "web"), (1494, "hdx"), (7, "tcp")]
)
def test_the_port_tells_the_kind(port: int, kind: str) -> None:
    """As far as one can tell."""
    assert kind_of(port) == kind
