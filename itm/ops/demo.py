"""The bundled world of the demo: its catalog as a bundle, and where its POPs answer probes."""

from __future__ import annotations

from pathlib import Path

from itm.catalog.load import MAIN, load_bundle, load_path, read_bundle
from itm.config import Demo
from itm.dns.listen import Listen

CHECKED_PORT = f"port: {Demo().probe_target_port}"
"""How the demo catalog writes the port of its health checks."""


def bundle(demo: Demo) -> dict[str, str]:
    """Return the demo catalog, its POPs checked on the port where the demo serves them.

    Raises `CatalogError` when somebody broke it.
    """
    files = read_bundle(Path(demo.catalog))
    files[MAIN] = files[MAIN].replace(CHECKED_PORT, f"port: {demo.probe_target_port}", 1)
    load_bundle(files)
    return files


def targets(demo: Demo) -> tuple[Listen, ...]:
    """Return one listen address per POP address (IPv4) of the demo catalog."""
    catalog = load_path(Path(demo.catalog))
    return tuple(Listen(address, demo.probe_target_port) for pop in catalog.pops for address in pop.ipv4)
