"""Maps on disk for the tests of what follows them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from itm.routemap import snapshot
from itm.routemap.current import path_of
from itm.routemap.current import publish as point
from itm.routemap.routemap import RouteMap
from tests.itm.dns.asking import demo_map


def publish(maps: Path, version: int, ttl: int | None = None, routemap: RouteMap | None = None) -> None:
    """Make a version of the demo map (or another) live, its services with this TTL, if one is given."""
    whole = routemap or demo_map()
    services = tuple(dataclasses.replace(one, ttl=ttl or one.ttl) for one in whole.services)
    made = dataclasses.replace(whole, version=version, services=services)
    snapshot.write(made, path_of(maps, version))
    point(maps, version)
