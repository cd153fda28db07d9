"""octoDNS zone files become services."""

from __future__ import annotations

import pytest

from itm.catalog.document import parse
from itm.catalog.octodns import convert
from itm.errors import CatalogError
from tests.itm.catalog.bundles import load

BY_WEIGHT = (
    "weights kept: the chain draws by them alone, as octoDNS does; `fastest` before it: among the fastest"
)
ADDRESSES = {"192.0.2.1": "a", "192.0.2.2": "b", "192.0.2.3": "c", "2001:db8::1": "a"}
ZONE = """---
'':
  type: NS
  values: [ns1.example.net.]
gw:
  - dynamic:
      pools:
        apac: {fallback: na, values: [{value: 192.0.2.3}]}
        na:
          fallback: default
          values: [{value: 192.0.2.1, weight: 2, status: up}, {value: 192.0.2.2, status: down}]
      rules:
        - {geos: [AS, OC], pool: apac}
        - {pool: na}
    octodns: {healthcheck: {host: gw.example.net, path: /up, port: 8443, protocol: HTTPS}}
    ttl: 60
    type: A
    value: 192.0.2.1
  - dynamic:
      pools:
        apac: {fallback: na, values: [{value: 192.0.2.3}]}
        na: {values: [{value: 2001:db8::1, weight: 2}, {value: 192.0.2.2, status: down}]}
      rules:
        - {geos: [AS, OC], pool: apac}
        - {pool: na}
    ttl: 30
    type: AAAA
    values: [2001:db8::1]
"""


def test_a_record_becomes_a_service() -> None:
    """Pools, rules, TTL, values and the check are taken over; A and AAAA are one service."""
    imported = convert(ZONE, "example.net.yaml", "example.net.", ADDRESSES)
    assert parse(imported.text, "f") == {
        "healthcheck": {"path": "/up", "host": "gw.example.net", "port": 8443, "protocol": "https"},
        "services": {
            "gw.example.net.": {
                "ttl": 30,
                "pools": {
                    "apac": {"values": ["c"], "fallback": "na"},
                    "na": {"values": [{"value": "a", "weight": 2}, {"value": "b", "status": "down"}]},
                },
                "rules": [{"pool": "apac", "geos": ["AS", "OC"]}, {"pool": "na"}],
                "values": ["192.0.2.1", "2001:db8::1"],
                "steer": ["up", "allowed", "available", "weighted"],
            }
        },
    }


def test_what_does_not_fit_is_told() -> None:
    """Forced states and static records are left out with a note each; weights bring octoDNS' own chain."""
    assert convert(ZONE, "f", "example.net.", ADDRESSES).notes == (
        "example.net. NS: a static record, left for a zone file",
        "gw.dynamic.pools.na.values[0]: status up left out: force the POP with `itm pop up`",
        f"gw: {BY_WEIGHT}",
    )


def test_the_result_loads() -> None:
    """The imported services are sound beside POPs with those addresses."""
    text = convert(ZONE, "f", "example.net.", ADDRESSES).text
    body = text[text.index("services:\n") + len("services:\n") :]
    service = load("\n".join(line[2:] for line in body.splitlines())).services[0]
    assert service.pools == (("apac", ("c",)), ("na", ("a",)))
    assert service.tuning.weights == (("na", (2.0,)),)
    assert [rule.pools for rule in service.rules] == [("apac", "na"), ("na",)]


def test_unknown_addresses_stay_and_are_told() -> None:
    """A value that is no POP's address yet is kept, for a person to add the POP."""
    imported = convert(ZONE, "f", "example.net", {})
    assert (
        "gw.dynamic.pools.apac.values[0].value: no POP has the address 192.0.2.3: add one to `pops:`"
        in imported.notes
    )
    assert parse(imported.text, "f")["services"]["gw.example.net."]["values"]  # type: ignore[index]


def test_records_that_differ() -> None:
    """When A and AAAA are steered differently, or CNAMEs are, a note says so."""
    text = ZONE.replace("- {geos: [AS, OC], pool: apac}", "- {geos: [AS], pool: apac}", 1) + (
        "www: {type: CNAME, value: gw.example.net., dynamic: {pools: {}, rules: []}}\n"
    )
    notes = convert(text, "f", "example.net.", ADDRESSES).notes
    assert "www.example.net. CNAME: only A and AAAA are steered, left out" in notes
    assert any(note.startswith("gw.example.net.: A and AAAA are steered differently") for note in notes)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "f: expected a mapping of names to records"),
        ("gw: 5", "f: gw: expected a record, got int"),
        ("gw: {type: A, dynamic: {pools: {}}}", "f: gw.dynamic: `rules` is missing"),
        ("gw: {type: A, dynamic: 5}", "f: gw.dynamic: expected a mapping"),
        (
            "gw: {type: A, dynamic: {pools: {x: {values: [5]}}, rules: []}}",
            "f: gw.dynamic.pools.x.values[0]: expected",
        ),
    ],
)
def test_another_kind_of_file(text: str, fault: str) -> None:
    """What octoDNS would not read either is refused with its path."""
    with pytest.raises(CatalogError) as caught:
        convert(text, "f", "example.net.", {})
    assert caught.value.reasons[0].startswith(fault)
