"""Whole catalogs: the shipped ones, and all faults at once."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from itm.catalog import healthcheck, load, pops, rules, services
from itm.catalog.load import load_bundle, load_path, read_bundle
from itm.catalog.types import Catalog, HealthCheck
from itm.config import ROOT
from itm.dns.zone import faults
from itm.errors import CatalogError
from tests.itm.catalog.bundles import ZONE, bundle

DATA = ROOT / "data"


def pop_rows(catalog: Catalog) -> list[tuple[str, str, str, str, float, float]]:
    return [(p.id, p.provider, p.city, p.country, p.lat, p.lon) for p in catalog.pops]


def test_the_demo_is_the_published_list() -> None:
    """30 POPs in file order, on 127.20.0.1-30 and 2001:db8:20::1-30, all in one pool of one service."""
    catalog = load_path(DATA / "demo", faults)
    with (DATA / "world" / "pops30.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert pop_rows(catalog) == [
        (r["pop"], r["provider"], r["city"], r["country"], float(r["lat"]), float(r["lon"])) for r in rows
    ]
    assert [p.ipv4 for p in catalog.pops] == [(f"127.20.0.{n}",) for n in range(1, 31)]
    assert [p.ipv6 for p in catalog.pops] == [(f"2001:db8:20::{n}",) for n in range(1, 31)]
    assert {p.healthcheck for p in catalog.pops} == {HealthCheck("http", port=8081, path="/healthz")}
    (service,) = catalog.services
    assert (service.name, service.ttl) == ("gw.example.net.", 20)
    assert service.pools == (("world", tuple(p.id for p in catalog.pops)),)


def test_the_replay_world() -> None:
    """14 POPs on 127.21.0.1-14 at coordinates of a tenth of a degree."""
    catalog = load_path(DATA / "world14", faults)
    assert [p.ipv4 for p in catalog.pops] == [(f"127.21.0.{n}",) for n in range(1, 15)]
    assert all(round(value, 1) == value for p in catalog.pops for value in (p.lat, p.lon))
    assert sum(p.provider == "azure" for p in catalog.pops) == 11


def test_all_faults_at_once() -> None:
    """One load reports what is wrong everywhere, each fault with file and path."""
    files = bundle("gw.example.net.: {ttl: x, pools: {p: {values: [zz]}}, rules: [{pool: q}]}\ngw.other.: {}")
    files["catalog.yaml"] = files["catalog.yaml"].replace("50.7", "fifty") + "\nservice: {}\n"
    with pytest.raises(CatalogError) as caught:
        load_bundle(files, lambda *_: ["line 3: bad"])
    places = [reason.rsplit(": ", 1)[0] for reason in caught.value.reasons]
    assert places == [
        "catalog.yaml: service: no such key (did you mean 'services'?); known",
        "catalog.yaml: pops.a.lat",
        "catalog.yaml: services.gw.example.net..pools.p.values[0]",
        "catalog.yaml: services.gw.example.net..rules[0].pool",
        "catalog.yaml: services.gw.example.net..pools.p",
        "catalog.yaml: services.gw.example.net..ttl",
        "catalog.yaml: services.gw.other.",
        "example.net.zone: line 3",
    ]


@pytest.mark.parametrize("text", ["", "[]", "5", "pops: 5", "services: {}"])
def test_what_is_no_catalog(text: str) -> None:
    """A file of another kind is refused, not a crash."""
    with pytest.raises(CatalogError):
        load_bundle({"catalog.yaml": text})


def test_a_repeated_key_hides_nothing(tmp_path: Path) -> None:
    """It is told with its path, and so is every other fault; a bundle on disk is read all the same."""
    files = bundle("gw.example.net.: {ttl: 0, ttl: -1, tl: 60}")
    files["catalog.yaml"] = files["catalog.yaml"].replace("50.7", "fifty")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(CatalogError) as caught:
        load_bundle(read_bundle(tmp_path))
    starts = [
        "catalog.yaml: services.gw.example.net..ttl: the key stands twice (lines 9 and 9)",
        "catalog.yaml: pops.a.lat",
        "catalog.yaml: services.gw.example.net..tl: no such key",
        "catalog.yaml: services.gw.example.net..ttl: expected 1 to 86400",
    ]
    assert len(caught.value.reasons) == len(starts)
    for reason, start in zip(caught.value.reasons, starts, strict=True):
        assert reason.startswith(start)


def test_without_the_main_file() -> None:
    """A bundle needs its catalog.yaml."""
    with pytest.raises(CatalogError, match=r"catalog\.yaml: the file is missing"):
        load_bundle({"a.zone": ""})


def test_a_bundle_from_disk(tmp_path: Path) -> None:
    """A folder or its YAML file, under any name, with the zone files it names and no others."""
    files = bundle()
    (tmp_path / "other.yaml").write_text(files["catalog.yaml"])
    for name, text in {**files, "stray.zone": "x"}.items():
        (tmp_path / name).write_text(text)
    assert read_bundle(tmp_path) == read_bundle(tmp_path / "other.yaml") == files
    (tmp_path / "example.net.zone").unlink()
    with pytest.raises(CatalogError, match=r"zones\[0\]: there is no file"):
        load_path(tmp_path)


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is absent or not text is named."""
    with pytest.raises(CatalogError, match=r"catalog\.yaml: No such file"):
        read_bundle(tmp_path)
    (tmp_path / "catalog.yaml").write_bytes(b"pops: \xff")
    with pytest.raises(CatalogError, match=r"not UTF-8 text \(byte 6\)"):
        read_bundle(tmp_path)


def test_the_documented_example_is_sound() -> None:
    """The file that docs/catalog.md shows loads, and its list of keys is the code's."""
    text = (ROOT / "docs" / "catalog.md").read_text()
    example = text.split("```yaml\n")[1].split("```")[0]
    catalog = load_bundle(
        {"catalog.yaml": example, "example.net.zone": ZONE + "*.p IN A 192.0.2.90\n"}, faults
    )
    (service,) = catalog.services
    assert service.pools == (("europe", ("fra", "ams")), ("world", ("fra", "ams")))
    assert [rule.pools for rule in service.rules] == [("europe", "world"), ("europe", "world"), ("world",)]
    table = text.split("## Keys")[1].split("A rule's pools")[0]
    for keys in (load.KEYS, pops.KEYS, services.KEYS, rules.KEYS, healthcheck.KEYS):
        assert [key for key in keys if f"`{key}`" not in table] == []
