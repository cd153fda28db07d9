"""Small catalogs as text, and the faults that loading finds in them."""

from __future__ import annotations

import pytest

from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog, Service
from itm.errors import CatalogError

POPS = """
pops:
  a: {provider: x, city: Bonn, country: DE, lat: 50.7, lon: 7.1, ipv4: 192.0.2.1, ipv6: "2001:db8::1"}
  b: {provider: x, city: Oslo, country: NO, lat: 59.9, lon: 10.7, ipv4: 192.0.2.2, tags: [eea]}
  c: {provider: y, city: Osaka, country: JP, lat: 34.7, lon: 135.5, ipv4: [192.0.2.3, 192.0.2.4]}
"""
ZONE = "$TTL 300\n@ IN SOA ns1 host 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"


def bundle(services: str = "", pops: str = POPS) -> dict[str, str]:
    """Return a bundle of the POPs, one zone, and services given as the body of `services:`."""
    lines = "\n".join("  " + line for line in services.splitlines())
    text = f"{pops}\nzones: [example.net.zone]\n" + (f"services:\n{lines}\n" if services else "")
    return {"catalog.yaml": text, "example.net.zone": ZONE}


def load(services: str = "", pops: str = POPS) -> Catalog:
    """Load such a bundle."""
    return load_bundle(bundle(services, pops))


def service(body: str) -> Service:
    """Return the one service `gw.example.net.` with this body."""
    return load(_gw(body)).services[0]


def faults(services: str = "", pops: str = POPS) -> list[str]:
    """Return the reasons against a bundle, without the file's name."""
    with pytest.raises(CatalogError) as caught:
        load(services, pops)
    return [reason.removeprefix("catalog.yaml: ") for reason in caught.value.reasons]


def service_faults(body: str) -> list[str]:
    """Return the reasons against a service, their paths from within it."""
    return [reason.removeprefix("services.gw.example.net..") for reason in faults(_gw(body))]


def _gw(body: str) -> str:
    return "gw.example.net.:\n" + "\n".join("  " + line for line in body.strip("\n").splitlines())
