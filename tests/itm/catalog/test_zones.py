"""Zone files beside the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from itm.catalog.load import load_bundle, read_bundle
from itm.catalog.types import Dnssec, Pop, Secondary, Service, ZoneText
from itm.dns.zone import faults
from itm.errors import CatalogError
from tests.itm.catalog.bundles import POPS, ZONE


def reasons(zones: str, services: str = "{}", **files: str) -> list[str]:
    bundle = {"catalog.yaml": f"{POPS}\nzones: {zones}\nservices: {services}\n", **files}
    with pytest.raises(CatalogError) as caught:
        load_bundle(bundle)
    return [reason.removeprefix("catalog.yaml: ") for reason in caught.value.reasons]


def test_a_zone_is_named_by_its_file() -> None:
    """The name is normal; the text is kept as it was written."""
    bundle = {"catalog.yaml": f"{POPS}\nzones: [Example.NET.zone]", "Example.NET.zone": ZONE}
    assert load_bundle(bundle).zones == (ZoneText("example.net.", ZONE),)


@pytest.mark.parametrize(
    ("zones", "fault"),
    [
        ("[a.net.zone]", "zones[0]: there is no file 'a.net.zone'"),
        ("[../a.net.zone]", "zones[0]: expected a file beside this one"),
        ("[a.net.txt]", "zones[0]: expected a file beside this one"),
        ("['a b.zone']", "zones[0]: 'a b' is no DNS name"),
        ("a.zone", "zones: expected a list, got 'a.zone'"),
        ("[5]", "zones[0]: expected a text, got 5"),
    ],
)
def test_faults(zones: str, fault: str) -> None:
    """A zone that is not there, or lies elsewhere, is refused."""
    assert reasons(zones)[0].startswith(fault)


def test_a_zone_once_and_no_stray_files() -> None:
    """A zone stands once; a file that nothing names is a mistake."""
    files = {"a.net.zone": ZONE, "A.net.zone": ZONE, "b.net.zone": ZONE}
    assert reasons("[a.net.zone, A.net.zone]", **files) == [
        "zones[1]: the zone 'a.net.' stands twice",
        "b.net.zone: neither `zones` nor a zone names this file",
    ]


def test_a_service_outside_every_zone() -> None:
    """A name that no zone holds could never be answered."""
    found = reasons("[a.net.zone]", "{gw.b.net.: {}}", **{"a.net.zone": ZONE})
    assert found == ["services.gw.b.net.: lies in no zone of this catalog"]


def test_the_check_sees_each_zone_with_its_services() -> None:
    """The caller's check gets the services of the closest zone, the zones right below it, and the probe zone
    that lies in it; its findings carry the file's name.
    """
    seen: dict[str, Sequence[str]] = {}

    def check(
        zone: ZoneText,
        services: Sequence[Service],
        pops: Sequence[Pop],
        children: Sequence[str],
        probe_zone: str,
    ) -> Sequence[str]:
        assert probe_zone == ("p.b.a.net." if zone.name == "b.a.net." else "")
        assert [pop.id for pop in pops] == ["a", "b", "c"]
        assert list(children) == (["b.a.net."] if zone.name == "a.net." else [])
        seen[zone.name] = [service.name for service in services]
        return [f"{len(services)} services"] if zone.name == "b.a.net." else []

    services = "{x.a.net.: {}, y.b.a.net.: {}, b.a.net.: {}}"
    zones = "zones: [a.net.zone, b.a.net.zone]\nrum: {probe_zone: p.b.a.net}"
    text = f"{POPS}\n{zones}\nservices: {services}\n"
    with pytest.raises(CatalogError) as caught:
        load_bundle({"catalog.yaml": text, "a.net.zone": ZONE, "b.a.net.zone": ZONE}, check)
    assert seen == {"a.net.": ["x.a.net."], "b.a.net.": ["y.b.a.net.", "b.a.net."]}
    assert caught.value.reasons == ("b.a.net.zone: 2 services",)


def test_a_zone_within_another_must_be_delegated() -> None:
    """The parent says so where its text is at fault; a delegation above the child, by others, is enough."""
    text = f"{POPS}\nzones: [a.net.zone, c.b.a.net.zone]\n"
    bundle = {"catalog.yaml": text, "a.net.zone": ZONE, "c.b.a.net.zone": ZONE}
    with pytest.raises(CatalogError) as caught:
        load_bundle(bundle, faults)
    expected = "c.b.a.net. NS: expected at least one, since a zone of this name is served too"
    assert caught.value.reasons == (f"a.net.zone: {expected}",)
    for cut in ("b", "c.b"):
        load_bundle(bundle | {"a.net.zone": f"{ZONE}{cut} IN NS ns1\n"}, faults)


def test_included_files_travel_with_their_zone(tmp_path: Path) -> None:
    """`$INCLUDE` names a plain file beside the zone; the texts are part of the bundle and of the zone."""
    files = {
        "a.net.zone": f"{ZONE}\n$INCLUDE hosts.inc\n",
        "hosts.inc": "$include more.inc h\n",
        "more.inc": "",
    }
    for name, text in {"catalog.yaml": f"{POPS}\nzones: [a.net.zone]", **files, "stray.inc": ""}.items():
        (tmp_path / name).write_text(text)
    bundle = read_bundle(tmp_path)
    assert set(bundle) == {"catalog.yaml", "a.net.zone", "hosts.inc", "more.inc"}
    (zone,) = load_bundle(bundle).zones
    assert dict(zone.includes) == {"hosts.inc": files["hosts.inc"], "more.inc": ""}


@pytest.mark.parametrize(
    ("how", "dnssec"),
    [
        ("true", Dnssec()),
        ("false", None),
        ("{algorithm: ed25519}", Dnssec("ed25519")),
        ("{keys: ksk-zsk, zsk_days: 30}", Dnssec(is_split=True, zsk_days=30)),
    ],
)
def test_a_zone_says_how_it_is_signed(how: str, dnssec: Dnssec | None) -> None:
    """A file name alone is an unsigned zone; a mapping can ask for signatures."""
    zones = f"zones: [{{file: a.net.zone, dnssec: {how}}}]"
    bundle = {"catalog.yaml": f"{POPS}\n{zones}", "a.net.zone": ZONE}
    assert load_bundle(bundle).zones == (ZoneText("a.net.", ZONE, (), dnssec),)


def test_a_zone_names_its_secondaries() -> None:
    """Addresses in their normal form, port 53 and no key if not stated."""
    others = "[{address: 192.0.2.7, key: NS2.example}, {address: '2001:DB8::7', port: 5353}]"
    bundle = {
        "catalog.yaml": f"{POPS}\nzones: [{{file: a.net.zone, secondaries: {others}}}]",
        "a.net.zone": ZONE,
    }
    (zone,) = load_bundle(bundle).zones
    assert zone.secondaries == (
        Secondary("192.0.2.7", 53, "ns2.example."),
        Secondary("2001:db8::7", 5353),
    )


@pytest.mark.parametrize(
    ("others", "fault"),
    [
        ("{address: 192.0.2.7}", "secondaries: expected a list"),
        ("[{key: k}]", "secondaries[0]: `address` is missing"),
        ("[{address: ns2.example}]", "secondaries[0].address: expected an IP address, got 'ns2.example'"),
        ("[{address: 192.0.2.7, port: 0}]", "secondaries[0].port: expected 1 to 65535"),
        ("[{address: 192.0.2.7, key: 'a b'}]", "secondaries[0].key: 'a b' is no DNS name"),
        ("[{address: 192.0.2.7}, {address: 192.0.2.7}]", "secondaries[1]: 192.0.2.7 port 53 stands twice"),
    ],
)
def test_faults_of_secondaries(others: str, fault: str) -> None:
    """Told with their path."""
    found = reasons(f"[{{file: a.net.zone, secondaries: {others}}}]", **{"a.net.zone": ZONE})
    assert any(reason.startswith(f"zones[0].{fault}") for reason in found), found


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("{dnssec: true}", "zones[0]: `file` is missing"),
        ("{file: a.net.zone, dnssec: rsa}", "zones[0].dnssec: expected a mapping"),
        ("{file: a.net.zone, dnssec: {algorithm: rsa}}", "zones[0].dnssec.algorithm: 'rsa' is none of"),
        ("{file: a.net.zone, dnssec: {zsk_days: 5}}", "zones[0].dnssec.zsk_days: only `keys: ksk-zsk`"),
        ("{file: a.net.zone, dnssec: {keys: ksk-zsk, zsk_days: 0}}", "zones[0].dnssec.zsk_days: expected 1"),
        ("{file: a.net.zone, sign: true}", "zones[0].sign: no such key"),
    ],
)
def test_faults_of_signing(entry: str, fault: str) -> None:
    """What is no way of signing is told with its path."""
    assert any(reason.startswith(fault) for reason in reasons(f"[{entry}]", **{"a.net.zone": ZONE}))
