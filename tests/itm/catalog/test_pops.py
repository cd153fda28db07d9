"""The `pops:` section."""

from __future__ import annotations

import pytest

from itm.catalog.types import HealthCheck
from tests.itm.catalog.bundles import faults, load


def pops(fields: str, more: str = "") -> str:
    base = "provider: x, city: Bonn, country: DE, lat: 50.7, lon: 7.1"
    return f"pops:\n  a: {{{base}, {fields}}}\n{more}"


def test_a_pop_with_everything() -> None:
    """All fields arrive; addresses are in their shortest form."""
    text = pops(
        "ipv4: [192.0.2.1, 192.0.2.9], ipv6: 2001:DB8:0::1, capacity: 500, bias: -3, tags: [eea, gold],"
        " healthcheck: {protocol: tcp, port: 22}, probe_url: 'https://a.probe.example.net/x/'"
    )
    pop = load(pops=text).pops[0]
    assert (pop.id, pop.provider, pop.city, pop.country, pop.lat, pop.lon) == (
        "a",
        "x",
        "Bonn",
        "DE",
        50.7,
        7.1,
    )
    assert (pop.ipv4, pop.ipv6) == (("192.0.2.1", "192.0.2.9"), ("2001:db8::1",))
    assert (pop.capacity, pop.bias, pop.tags) == (500.0, -3.0, ("eea", "gold"))
    assert pop.healthcheck == HealthCheck("tcp", "", 22)
    assert pop.probe_url == "https://a.probe.example.net/x"


def test_the_common_check_is_for_pops_without_their_own() -> None:
    """`healthcheck:` at the top is the default of each POP."""
    text = pops(
        "ipv4: 192.0.2.1",
        "  b: {provider: x, city: y, country: NO, lat: 1, lon: 1, ipv4: 192.0.2.2, healthcheck: {port: 22}}\n"
        "healthcheck: {protocol: http}\n",
    )
    a, b = load(pops=text).pops
    assert (a.healthcheck, b.healthcheck) == (HealthCheck("http", port=80), HealthCheck(port=22))


def test_without_any_check_there_is_none() -> None:
    """A POP that nobody asked to check is not checked."""
    assert load(pops=pops("ipv4: 192.0.2.1")).pops[0].healthcheck is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (pops("capacity: 1"), "pops.a: `ipv4` is missing"),
        (pops("ipv4: []"), "pops.a.ipv4: expected at least one value"),
        (pops("ipv4: 2001:db8::1"), "pops.a.ipv4: expected an IPv4 address, got '2001:db8::1'"),
        (pops("ipv4: 192.0.2.1, ipv6: 192.0.2.1"), "pops.a.ipv6: expected an IPv6 address"),
        *(
            (pops(f"ipv4: 192.0.2.1, probe_url: '{url}'"), "pops.a.probe_url: expected http://HOST[:PORT]")
            for url in (
                "ftp://a.example",
                "a.example",
                "https://",
                "https://u:p@a.example",
                "https://a.example/?x",
                "https://a.example/#x",
                "https://a.example:99999",
                "https://[::1",
                "https://a b.example",
            )
        ),
        (pops("ipv4: 224.0.0.1"), "pops.a.ipv4: 224.0.0.1 cannot be served"),
        (pops("ipv4: 192.0.2.1, ipv6: 'fe80::1%eth0'"), "pops.a.ipv6: fe80::1%eth0 cannot be served"),
        (pops("ipv4: [192.0.2.1, 192.0.2.1]"), "pops.a.ipv4: 192.0.2.1 is already at a.ipv4"),
        (pops("ipv4: 192.0.2.1, tags: [a b]"), "pops.a.tags[0]: a tag is"),
        (pops("ipv4: 192.0.2.1, tags: [a, a]"), "pops.a.tags[1]: 'a' stands twice"),
        (pops("ipv4: 192.0.2.1, capacity: -1"), "pops.a.capacity: expected 0 to"),
        ("pops: {}", "pops: expected at least one POP"),
        ("pops: [a]", "pops: expected a mapping, got ['a']"),
        (pops("ipv4: 192.0.2.1").replace("  a:", "  'a b':"), "pops.a b: an id is 1 to 32 of"),
        (
            pops("ipv4: 192.0.2.1").replace("  a:", "  " + "a" * 33 + ":"),
            f"pops.{'a' * 33}: an id is 1 to 32 of",
        ),
        (pops("ipv4: 192.0.2.1").replace("DE", "UK"), "pops.a.country: expected an ISO 3166-1 alpha-2 code"),
        (pops("ipv4: 192.0.2.1").replace("50.7", "91"), "pops.a.lat: expected -90 to 90, got 91"),
        (pops("ipv4: 192.0.2.1").replace("7.1", "181"), "pops.a.lon: expected -180 to 180, got 181"),
        (
            pops(
                "ipv4: 192.0.2.1", "  b: {provider: x, city: y, country: NO, lat: 1, lon: 1, ipv4: 192.0.2.1}"
            ),
            "pops.b.ipv4: 192.0.2.1 is already at a.ipv4",
        ),
    ],
)
def test_faults(text: str, fault: str) -> None:
    """Each fault is the only one found, at its path."""
    found = faults(pops=text)
    assert len(found) == 1
    assert found[0].startswith(fault)
