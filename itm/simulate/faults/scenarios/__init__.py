"""The scenarios, one file each; `SCENARIOS` names them in the order of the documentation.

To add one: a file here that defines `SCENARIO`, its module in the tuple below, a test with a bar in
`tests/itm/simulate/faults/scenarios/`, a page and a plot in `docs/scenarios/` (its README says how).
"""

from __future__ import annotations

from typing import Final

from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.scenarios import (
    cable_cut,
    congested_isp,
    flash_crowd,
    half_capacity,
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
)

__all__ = ["SCENARIOS"]
