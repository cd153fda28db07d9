"""The `rum:` section of a catalog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itm.catalog.diff import diff
from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.dns.zone import faults
from itm.errors import CatalogError
from tests.itm.catalog.bundles import POPS, ZONE

WILDCARD = "*.p 0 IN A 192.0.2.90\n"


def load(rum: str, zone: str = ZONE + WILDCARD) -> Catalog:
    files = {"catalog.yaml": f"{POPS}\nzones: [example.net.zone]\nrum: {rum}\n", "example.net.zone": zone}
    return load_bundle(files, faults)


@pytest.mark.parametrize(
    ("rum", "name"), [("{probe_zone: P.Example.net}", "p.example.net."), ("{}", "")], ids=["named", "none"]
)
def test_the_probe_zone_is_a_name(rum: str, name: str) -> None:
    """It is kept in normal form; a catalog needs none."""
    assert load(rum).probe_zone == name


@pytest.mark.parametrize(
    ("rum", "fault"),
    [
        ("{probe_zone: p.example.org}", "rum.probe_zone: p.example.org. lies in no zone of this catalog"),
        ("{probe_zone: 'a b'}", "rum.probe_zone: 'a b' is no DNS name"),
        ("{probe_zone: 5}", "rum.probe_zone: expected a text, got 5"),
        ("{probe: p.example.net}", "rum.probe: no such key"),
        (f"{{probe_zone: {'a.' * 110}example.net}}", "rum.probe_zone: longer than 200 characters"),
    ],
)
def test_faults(rum: str, fault: str) -> None:
    """What no session could be named below is refused, with its path."""
    with pytest.raises(CatalogError) as caught:
        load(rum)
    assert caught.value.reasons[0].startswith(f"catalog.yaml: {fault}")


@pytest.mark.parametrize(
    "records",
    ["", "p IN A 192.0.2.90\n", "*.p IN TXT hello\n", "p IN NS ns1\n*.p IN A 192.0.2.90\n"],
    ids=["nothing", "no-wildcard", "no-address", "delegated-away"],
)
def test_a_probe_zone_needs_a_wildcard(records: str) -> None:
    """Names of sessions must get an address from the zone that they lie in."""
    with pytest.raises(CatalogError) as caught:
        load("{probe_zone: p.example.net}", ZONE + records)
    [reason] = caught.value.reasons
    assert reason.startswith(
        "example.net.zone: *.p.example.net.: expected an A or AAAA record, since `rum.pr"
    )


def test_a_change_is_told() -> None:
    """`itm catalog diff` tells another probe zone."""
    old = load("{}")
    new = replace(old, probe_zone="p.example.net.")
    assert [str(change) for change in diff(old, new)] == ["~ rum: probe_zone none -> p.example.net."]
    assert [str(change) for change in diff(new, old)] == ["~ rum: probe_zone p.example.net. -> none"]
