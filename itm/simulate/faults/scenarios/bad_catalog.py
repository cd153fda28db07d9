"""An operator applies a catalog with a slip of the pen, and one that nobody could want: neither goes live."""

from __future__ import annotations

from dataclasses import replace

from itm.catalog.types import Catalog, Rule
from itm.simulate.faults.events import CatalogOffered, CatalogTyped
from itm.simulate.faults.scenario import Phase, Scenario

FAR = "w14-aws-aus-e"

MISTYPED = """
pops:
  sydney: {provider: aws, city: Sydney, country: AUS, lat: 151.2, lon: -33.9, ipv4: 192.0.2.1}
services:
  gw.example.net.: {ttl: 20, pools: {all: {values: [sidney]}}, rules: [{pool: all}]}
"""


def asia_to_sydney(catalog: Catalog) -> Catalog:
    """Return the catalog with a rule that sends all of Asia to Sydney."""
    services = tuple(
        replace(
            service,
            pools=(*service.pools, ("far", (FAR,))),
            rules=(Rule(pools=("far",), geos=("AS",)), *service.rules),
        )
        for service in catalog.services
    )
    return replace(catalog, services=services)


SCENARIO = Scenario(
    name="bad-catalog",
    title="A catalog with slips of the pen is applied, then one that sends all of Asia to Sydney.",
    minutes=60,
    phases=(Phase("before", 0, 20), Phase("after", 20, 60)),
    events=(
        CatalogTyped(20, "a catalog with slips of the pen", MISTYPED),
        CatalogOffered(25, "a catalog that sends Asia to Sydney", asia_to_sydney),
    ),
)
