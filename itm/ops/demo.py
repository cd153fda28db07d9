"""The bundled world of the demo: its catalog as a bundle, and where its POPs answer probes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from itm.catalog.load import load_bundle, load_path, read_bundle
from itm.config import Demo
from itm.dns.listen import Listen

CHECKED_PORT = Demo().probe_target_port
"""The port of the health checks in the demo catalog."""


def bundle(demo: Demo) -> dict[str, str]:
    """Return the demo catalog as it stands on disk. Raises `CatalogError` when somebody broke it."""
    files = read_bundle(Path(demo.catalog))
    load_bundle(files)
    return files


def targets(demo: Demo) -> tuple[Listen, ...]:
    """Return one listen address per POP address (IPv4) of the demo catalog."""
    catalog = load_path(Path(demo.catalog))
    return tuple(Listen(address, demo.probe_target_port) for pop in catalog.pops for address in pop.ipv4)


def checked_here(plans: Mapping[str, ProbePlan], demo: Demo) -> dict[str, ProbePlan]:
    """Return the plans with the checks of the demo's POPs at the port where this server serves them.

    The catalog keeps the port it was written with, so that applying the bundled one again changes nothing;
    POPs without a loopback address are not the demo's; of those with one, the documentation addresses beside
    it, which lead nowhere, are not checked.
    """
    return {pop: _here(plan, demo.probe_target_port) for pop, plan in plans.items()}


def probed_here(url: str, demo: Demo) -> str:
    """Return a probe URL with the port where this server serves the demo's POPs, if it is one of theirs."""
    parts = urlsplit(url)
    if parts.port != CHECKED_PORT or not _is_loopback(parts.hostname or ""):
        return url
    host = parts.netloc.rpartition(":")[0]  # an IPv6 address keeps its brackets
    return parts._replace(netloc=f"{host}:{demo.probe_target_port}").geturl()


def _here(plan: ProbePlan, port: int) -> ProbePlan:
    here = tuple(target for target in plan.targets if ip_address(target.address).is_loopback)
    if not here:
        return plan
    return replace(plan, targets=tuple(_target(target, port) for target in here))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _target(target: Target, port: int) -> Target:
    return replace(target, port=port) if target.port == CHECKED_PORT else target
