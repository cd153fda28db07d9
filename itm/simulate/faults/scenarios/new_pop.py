"""A POP that nobody has measured yet comes into service: the predictor knows whom it serves best."""

from __future__ import annotations

from itm.simulate.faults.events import CatalogOffered
from itm.simulate.faults.scenario import Phase, Scenario

POP = "w14-az-uae-n"

SCENARIO = Scenario(
    name="new-pop",
    title="Dubai comes into service; nobody has measured it yet.",
    minutes=120,
    phases=(Phase("before", 0, 20), Phase("first hour", 20, 80), Phase("after", 80, 120)),
    events=(CatalogOffered(20, "a catalog with Dubai", lambda catalog: catalog),),
    without=(POP,),
)
