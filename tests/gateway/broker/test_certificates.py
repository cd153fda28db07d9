from __future__ import annotations

import pytest
from sqlalchemy import Engine

from gateway.broker import certificates
from gateway.broker.authority import Issued
from gateway.broker.engine import writing
from gateway.errors import Unauthorised
from gateway.identity import Identity
from tests.gateway.broker.world import NOW


def test_only_what_was_issued_counts(engine: Engine) -> None:
    """A certificate the table does not know, or knows for somebody else, is nobody's."""
    with writing(engine) as connection:
        certificates.record(connection, Issued("", "ab1", NOW, NOW + 60), Identity("pop", "fra"))
    certificates.check(engine, Identity("pop", "fra", serial="ab1"), "pop")
    for identity in (
        Identity("pop", "fra", serial="ab2"),
        Identity("pop", "ams", serial="ab1"),
        Identity("connector", "fra", serial="ab1"),
        Identity("pop", "fra"),
    ):
        with pytest.raises(Unauthorised):
            certificates.check(engine, identity, "pop")


def test_long_expired_ones_are_forgotten(engine: Engine) -> None:
    """Renewals do not fill the table."""
    with writing(engine) as connection:
        certificates.record(connection, Issued("", "a", NOW, NOW + 60), Identity("pop", "fra"))
        certificates.record(connection, Issued("", "b", NOW + 200_000, NOW + 200_060), Identity("pop", "ams"))
    assert certificates.latest(engine, "pop") == {"ams": NOW + 200_060}
