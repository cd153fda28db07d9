"""The scenarios, one file each; `SCENARIOS` names them in the order of the documentation.

To add one: a file here that defines `SCENARIO`, its module in the tuple below, a test with a bar in
`tests/itm/simulate/faults/scenarios/`, a page and a plot in `docs/scenarios/` (its README says how).
"""

from __future__ import annotations

from typing import Final

from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.scenarios import (
    bad_catalog,
    bad_model,
    cable_cut,
    congested_isp,
    far_resolver,
    flash_crowd,
    half_capacity,
    lost_collectors,
    lying_feed,
    new_pop,
    pop_down,
    pop_slow,
)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    pop_down.SCENARIO,
    pop_slow.SCENARIO,
    congested_isp.SCENARIO,
    cable_cut.SCENARIO,
    flash_crowd.SCENARIO,
    half_capacity.SCENARIO,
    lying_feed.SCENARIO,
    far_resolver.SCENARIO,
    far_resolver.UNMAPPED,
    new_pop.SCENARIO,
    lost_collectors.SCENARIO,
    bad_model.SCENARIO,
    bad_catalog.SCENARIO,
)

__all__ = ["SCENARIOS"]
