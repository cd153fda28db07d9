from __future__ import annotations

import pytest

from itm.config import ROOT
from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.scenarios import SCENARIOS

PAGES = ROOT / "docs" / "scenarios"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_has_a_page_with_a_plot(scenario: Scenario) -> None:
    """A page that docs/scenarios/README.md leads to shows NAME.svg, which is small."""
    showing = [page.name for page in PAGES.glob("*.md") if f"({scenario.name}.svg)" in page.read_text()]
    assert len(showing) == 1
    assert f"({showing[0]})" in (PAGES / "README.md").read_text()
    assert 1_000 < (PAGES / f"{scenario.name}.svg").stat().st_size < 100_000


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_phases_follow_one_another(scenario: Scenario) -> None:
    """Every minute is in one phase."""
    edges = [0.0, *(phase.end for phase in scenario.phases)]
    assert [phase.start for phase in scenario.phases] == edges[:-1]
    assert edges[-1] == scenario.minutes


def test_names_are_different() -> None:
    """A scenario is run by its name."""
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
