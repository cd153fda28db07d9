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


def read(value: object) -> HealthCheck:
    """Return what is read; nothing may be wrong with it."""
    reasons: list[str] = []
    check = read_healthcheck(Cursor(value, "f", "", reasons))
    assert reasons == []
    return check


def test_all_settings() -> None:
    """Every setting arrives where it belongs."""
    https = {
        "protocol": "https", "address": "2001:DB8::0001", "port": 8443, "path": "/up", "host": "gw.a.b.",
        "sni": "front.a.b", "verify": False, "certificate_days": 14, "status": [200, "204-299"],
        "header": "X-Pop: fra", "body": "ready", "start": "unknown",
        "interval_seconds": 5, "timeout_seconds": 0.5, "rise": 1, "fall": 4,
    }  # fmt: skip
    assert read(https) == HealthCheck(
        "https", "2001:db8::1", 8443, "front.a.b", False, 14.0, "/up", "gw.a.b.", ((200, 200), (204, 299)),
        "X-Pop: fra", "ready", start="unknown", interval_seconds=5.0, timeout_seconds=0.5, rise=1, fall=4,
    )  # fmt: skip
    dns = {
        "protocol": "dns", "name": "gw.example.net", "type": "txt", "rcode": "nxdomain", "answer": "x",
        "transport": "TCP",
    }  # fmt: skip
    assert read(dns) == HealthCheck(
        "dns", port=53, name="gw.example.net.", record_type="TXT", rcode="NXDOMAIN", answer="x",
        transport="tcp",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "sni", "verify"),
    [
        ({"protocol": "https", "host": "gw.a.b."}, "gw.a.b", True),
        ({"protocol": "https", "host": "gw.a.b", "verify": False}, "gw.a.b", False),
        ({"protocol": "https", "host": "gw.a.b:8443"}, "gw.a.b", True),
        ({"protocol": "https"}, "", False),
        ({"protocol": "tls", "sni": "gw.a.b"}, "gw.a.b", True),
        ({"protocol": "gateway", "verify": True}, "", True),
    ],
)
def test_a_name_is_asked_for_and_verified(value: object, sni: str, verify: bool) -> None:
    """An address seldom has a certificate of its own: without a name it is not verified."""
    assert (read(value).sni, read(value).verify) == (sni, verify)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"protocol": "icmp"}, "protocol: 'icmp' is none of tcp, tls, http, https, dns, gateway"),
        ({"protocol": 5}, "protocol: expected a text"),
        ({"port": 70000}, "port: expected 1 to 65535"),
        ({"address": "gw"}, "address: expected an IP address, got 'gw'"),
        ({"protocol": "http", "path": "up"}, "path: expected an ASCII path that starts with `/`"),
        ({"path": "/up"}, "path: a tcp check has none; set `protocol: http` or https"),
        (
            {"protocol": "http", "sni": "a"},
            "sni: a http check has none; set `protocol: tls` or https, gateway",
        ),
        ({"protocol": "tls", "answer": "a"}, "answer: a tls check has none; set `protocol: dns`"),
        ({"protocol": "http", "status": 99}, "status: expected an HTTP status such as 200, or a range"),
        ({"protocol": "http", "status": ["200-"]}, "status[0]: expected an HTTP status"),
        ({"protocol": "http", "status": "299-200"}, "status: expected an HTTP status"),
        ({"protocol": "http", "status": []}, "status: expected at least one value"),
        ({"protocol": "http", "status": True}, "status: expected an HTTP status"),
        ({"protocol": "http", "header": "a b: c"}, "header: expected `Name` or `Name: value`"),
        ({"protocol": "http", "host": "a b"}, "host: expected a host name"),
        ({"protocol": "https", "host": "a..b"}, "host: expected a host name"),
        ({"protocol": "tls", "sni": "a..b"}, "sni: expected a host name, got 'a..b'"),
        ({"protocol": "tls", "sni": "x" * 64}, "sni: expected a host name"),
        ({"protocol": "https", "verify": "yes"}, "verify: expected true or false"),
        ({"protocol": "dns", "name": "a..b"}, "name: expected a DNS name"),
        ({"protocol": "dns", "type": "ANY"}, "type: 'ANY' is none of"),
        ({"protocol": "dns", "transport": "quic"}, "transport: 'quic' is none of udp, tcp"),
        ({"start": "maybe"}, "start: 'maybe' is none of up, down, unknown"),
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
