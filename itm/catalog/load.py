"""Files in, `Catalog` out: every fault at once, each as `file: path: what was expected`.

A bundle is a whole catalog as text: file name -> content, the main file under `catalog.yaml`. It is what
travels to the server and what the store keeps, so that a version can be read without the disk it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from itm.catalog.cursor import Cursor
from itm.catalog.document import read
from itm.catalog.healthcheck import read_healthcheck
from itm.catalog.pops import read_pops
from itm.catalog.prices import check_prices
from itm.catalog.probezone import read_probe_zone
from itm.catalog.services import read_services
from itm.catalog.types import Catalog
from itm.catalog.zones import CheckZone, check_zones, file_names, include_names, no_check, read_zones
from itm.errors import CatalogError

MAIN = "catalog.yaml"
KEYS = ("pops", "services", "zones", "healthcheck", "rum")


def load_path(path: Path, check_zone: CheckZone = no_check) -> Catalog:
    """Return the catalog of a directory or of a YAML file. Raises `CatalogError`."""
    return load_bundle(read_bundle(path), check_zone)


def load_bundle(files: Mapping[str, str], check_zone: CheckZone = no_check) -> Catalog:
    """Return the catalog of a bundle. Raises `CatalogError` with every reason."""
    if MAIN not in files:
        raise CatalogError([f"{MAIN}: the file is missing"])
    reasons: list[str] = []
    root = Cursor(read(files[MAIN], MAIN, reasons), MAIN, "", reasons)
    fields = root.fields(KEYS, required=("pops",))
    default = read_healthcheck(fields["healthcheck"]) if "healthcheck" in fields else None
    pops = read_pops(fields["pops"], default) if "pops" in fields else ()
    services = read_services(fields["services"], pops) if "services" in fields else ()
    check_prices(root.at(None, "pops"), pops, services)
    zones = read_zones(fields["zones"], files) if "zones" in fields else ()
    probe_zone = read_probe_zone(fields["rum"], zones) if "rum" in fields else ""
    check_zones(root.at(None, "services"), services, zones, pops, probe_zone, check_zone)
    named = set(file_names(fields["zones"].value)) if "zones" in fields else set()
    named |= {MAIN, *(file for zone in zones for file, _ in zone.includes)}
    reasons.extend(
        f"{file}: neither `zones` nor a zone names this file" for file in files if file not in named
    )
    if reasons:
        raise CatalogError(reasons)
    return Catalog(pops, services, zones, probe_zone)


def read_bundle(path: Path) -> dict[str, str]:
    """Return the bundle of a directory (its `catalog.yaml`) or of a YAML file, with the zone files it names
    and what those include.

    A file that does not exist is left out, for `load_bundle` to report with its path.
    """
    main = path / MAIN if path.is_dir() else path
    files = {MAIN: _read(main)}
    document = read(files[MAIN], main.name, [])  # `load_bundle` tells what is repeated
    named = document.get("zones") if isinstance(document, dict) else None
    wanted = file_names(named)
    while wanted:
        file = wanted.pop()
        beside = main.parent / file
        if file not in files and beside.is_file():
            files[file] = _read(beside)
            wanted += include_names(files[file])
    return files


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError([f"{path}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise CatalogError([f"{path}: not UTF-8 text (byte {error.start})"]) from error
