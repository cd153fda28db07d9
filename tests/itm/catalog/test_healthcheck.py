"""How a POP's check is read."""

from __future__ import annotations

import pytest

from itm.catalog.cursor import Cursor
from itm.catalog.healthcheck import read_healthcheck
from itm.catalog.types import HealthCheck


def test_defaults_follow_the_protocol() -> None:
    """An empty section is a tcp check of 443; http goes to 80; octoDNS' capitals are fine."""
    reasons: list[str] = []
    read = [read_healthcheck(Cursor(value, "f", "", reasons)) for value in ({}, {"protocol": "HTTP"})]
    assert read == [HealthCheck(), HealthCheck(protocol="http", port=80)]
    assert reasons == []


def test_all_settings() -> None:
    """Every setting arrives where it belongs."""
    value = {
        "protocol": "https", "address": "2001:DB8::0001", "port": 8443, "path": "/up", "host": "gw.a.b.",
        "interval_seconds": 5, "timeout_seconds": 0.5, "rise": 1, "fall": 4,
    }  # fmt: skip
    reasons: list[str] = []
    expected = HealthCheck("https", "2001:db8::1", 8443, "/up", "gw.a.b.", 5.0, 0.5, 1, 4)
    assert read_healthcheck(Cursor(value, "f", "", reasons)) == expected
    assert reasons == []


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"protocol": "icmp"}, "protocol: 'icmp' is none of tcp, http, https"),
        ({"protocol": 5}, "protocol: expected a text"),
        ({"port": 70000}, "port: expected 1 to 65535"),
        ({"address": "gw"}, "address: expected an IP address, got 'gw'"),
        ({"protocol": "http", "path": "up"}, "path: expected an ASCII path that starts with `/`"),
        ({"path": "/up"}, "path: a tcp check has none"),
        ({"rise": 0}, "rise: expected 1 to 100"),
        ({"interval_seconds": 0}, "interval_seconds: expected 0.1 to 3600"),
    ],
)
def test_faults(value: object, fault: str) -> None:
    """A wrong setting is named."""
    reasons: list[str] = []
    read_healthcheck(Cursor(value, "f", "", reasons))
    assert len(reasons) == 1
    assert reasons[0].startswith("f: " + fault)
