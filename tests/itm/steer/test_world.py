from __future__ import annotations

from dataclasses import replace

import pytest

from itm.catalog.types import Rule
from itm.steer.world import cell_weights
from tests.itm.steer.worlds import P50, POPS, places, service, world


def test_the_unknown_cell_weighs_nothing() -> None:
    """Cells weigh what their places do; nobody's addresses are no demand."""
    assert cell_weights(places()).tolist() == [0, 256, 256, 256]


def test_the_common_score_is_a_mean_over_demand_with_bias() -> None:
    """Per POP, to a tenth of a millisecond: what orders every tail."""
    pops = (replace(POPS[0], bias=4.0), *POPS[1:])
    expected = [round(sum(P50[p.id][1:]) / 3 + p.bias, 1) for p in pops]
    assert world(pops=pops).common_score.tolist() == pytest.approx(expected, abs=1e-4)


def test_one_place_has_the_rule_it_has_among_all() -> None:
    """`why` and the build ask the same question."""
    w = world(
        service(rules=(Rule(("world",), geos=("EU-NL",)), Rule(("world",), geos=("AS",)), Rule(("world",))))
    )
    alone = [w.rule_of_place(w.classes[0], place) for place in range(4)]
    assert alone == w.rules_of_places(w.classes[0]).tolist() == [2, 1, 0, 2]
