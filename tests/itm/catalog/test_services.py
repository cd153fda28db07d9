"""Steered names."""

from __future__ import annotations

import pytest

from itm.catalog.types import Form, Rule, Service
from tests.itm.catalog.bundles import faults, load, service, service_faults


def test_a_service_of_few_words() -> None:
    """Without pools, all POPs serve; without a chain, the default one runs."""
    expected = Service("gw.example.net.", 20, (("all", ("a", "b", "c")),), (Rule(("all",)),))
    assert load("gw.Example.net: {}").services == (expected,)
    assert expected.steer == ("up", "allowed", "available", "fastest", "capacity", "sticky")


def test_a_service_with_everything() -> None:
    """All fields arrive; last-resort values are sorted by family."""
    read = service(
        """
ttl: 60
pools: {x: {values: [b], fallback: y}, y: {values: [a, c]}}
rules: [{pool: y, geos: [AS]}, {pool: x}]
values: [192.0.2.1, 2001:DB8::1, 192.0.2.2]
steer: [up, fastest]
require_tags: eea
""".replace("y: {values: [a, c]}", "y: {values: [a, b]}")
    )
    assert read == Service(
        name="gw.example.net.",
        ttl=60,
        pools=(("x", ("b",)), ("y", ("a", "b"))),
        rules=(Rule(("y",), geos=("AS",)), Rule(("x", "y"))),
        ipv4_values=("192.0.2.1", "192.0.2.2"),
        ipv6_values=("2001:db8::1",),
        steer=("up", "fastest"),
        require_tags=("eea",),
    )


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("ttl: 0", "ttl: expected 1 to 86400, got 0"),
        ("ttl: 100000", "ttl: expected 1 to 86400, got 100000"),
        ("ttl: {least: 60}", "ttl: `most` is missing"),
        ("ttl: {least: 60, most: 20}", "ttl: `least` is 60 and above `most`, 20"),
        ("ttl: {least: 0, most: 20}", "ttl.least: expected 1 to 86400, got 0"),
        ("ttl: {least: 20, most: 30, mean: 25}", "ttl.mean: no such key"),
        ("values: []", "values: expected at least one value"),
        ("values: [a]", "values[0]: expected an IP address, got 'a'"),
        ("values: [192.0.2.1, 192.0.2.1]", "values[1]: 192.0.2.1 stands twice"),
        ("require_tags: [gold]", "require_tags: no POP of pool 'all' carries gold"),
        ("pools: {x: {values: [a]}, y: {values: [b]}}", "`rules` is missing: there are several pools"),
        (
            "pools: {x: {values: [a]}, y: {values: [b]}}\nrules: [{pool: x}]",
            "pools.y: no rule uses this pool",
        ),
        ("dynamic: {}", "dynamic: no such key"),
    ],
)
def test_faults(body: str, fault: str) -> None:
    """Each fault is the only one found, at its path."""
    found = service_faults(body)
    assert len(found) == 1
    assert found[0].removeprefix("services.gw.example.net.: ").startswith(fault)


def test_names() -> None:
    """Names are normal, and each stands once."""
    assert faults("gw.example.net.: {}\nGW.example.net: {}") == [
        "services.GW.example.net: the service 'gw.example.net.' stands twice"
    ]
    assert faults("g w.example.net.: {}")[0].startswith(
        "services.g w.example.net.: 'g w.example.net.' is no DNS name"
    )


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ("{}", Form()),
        ("{direct: true}", Form(has_direct=True)),
        ("{answer: addresses}", Form()),
        ("{answer: cname}", Form(is_alias=True, has_direct=True)),
        ("{https: {alpn: [h2, h3], port: 8443}}", Form(https='alpn="h2,h3" port=8443')),
        ("{https: {alpn: h2}}", Form(https='alpn="h2"')),
        ("{https: {}}", Form(https="alpn=h2")),
        ("{https: {alpn: h3}, svcb: {port: 853}}", Form(https='alpn="h3"', svcb="port=853")),
    ],
)
def test_forms(body: str, form: Form) -> None:
    """Addresses are the plain form; the others are asked for."""
    assert service(body).form == form


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("{answer: alias}", "answer: 'alias' is none of"),
        ("{direct: yes}", "direct: expected true or false"),
        ("{answer: cname, values: [192.0.2.1]}", "values: `answer: cname` has no"),
        ("{answer: cname, https: {}}", "https: no HTTPS record can stand beside"),
        ("{answer: cname, svcb: {}}", "svcb: no SVCB record can stand beside"),
        ("{https: {alpn: ['h 2']}}", "https.alpn[0]: expected a protocol"),
        ("{https: {port: 0}}", "https.port: expected 1 to 65535"),
    ],
)
def test_faults_of_forms(body: str, fault: str) -> None:
    """What does not go together is told with its path."""
    assert any(found.startswith(fault) for found in service_faults(body)), service_faults(body)


def test_bounds_of_ttls() -> None:
    """Least and highest; one number is both."""
    read = service("ttl: {least: 20, most: 300}")
    assert (read.ttl, read.ttl_most, read.adapts) == (20, 300, True)
    assert not service("ttl: 20").adapts
