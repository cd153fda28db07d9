from __future__ import annotations

import numpy as np

from itm.dns.steering import Steering
from itm.routemap.health import State
from itm.routemap.routemap import ClassMap
from itm.routemap.table import PrefixTable, UnitTable
from itm.simulate.faults.answers import answers_of
from itm.simulate.faults.resolving import Resolving, entries_of
from itm.simulate.faults.run import BEGIN, Run
from itm.simulate.faults.scenarios.pop_down import SCENARIO
from tests.itm.simulate.faults.stand import small


def test_answers_are_those_of_the_name_server() -> None:
    """For every entry and with a POP down the POP is the one that `itm.dns` would answer."""
    run = Run(SCENARIO, small(), 0)
    run.server.build(BEGIN)
    assert run.server.map is not None
    one = run.server.map.classes[0]
    networks = run.networks
    entries = entries_of(networks, Resolving(), np.random.default_rng(0))
    states = [State.UP] * 14
    states[6] = State.DOWN
    found = answers_of(one, networks, entries, states).draw(np.arange(len(entries)), np.random.default_rng(0))
    served = Steering(one, states)
    units = networks.unit[entries.network].tolist()
    assert found.tolist() == [served.locate4(unit)[0] for unit in units]


def test_shares_are_drawn_and_learned_resolvers_have_leaves_of_their_own() -> None:
    """A leaf with shares answers several POPs in them; a resolver's leaf goes before that of its network."""
    networks = small().networks
    entries = entries_of(networks, Resolving(ecs=0.5, far=0.0), np.random.default_rng(0))
    resolver = int(networks.unit[entries.network[~entries.is_named][0]])
    one = ClassMap(
        leaves=np.array([[0, 1], [2, 3]], np.uint16),
        leaf_tail=np.zeros(2, np.uint16),
        tails=(np.arange(14, dtype=np.uint16),),
        v4=PrefixTable(24, np.zeros(1, "<u4"), np.zeros(1, np.uint32)),
        v6=PrefixTable(48, np.zeros(1, "<u8"), np.zeros(1, np.uint32)),
        resolvers4=UnitTable(24, np.array([resolver], "<u4"), np.ones(1, np.uint32)),
        shares=np.array([[51, 204], [0, 0]], np.uint8),
    )
    answers = answers_of(one, networks, entries, [State.UP] * 14)
    everyone = np.arange(len(entries))
    drawn = answers.draw(everyone, np.random.default_rng(0))
    learned = ~entries.is_named & (networks.unit[entries.network] == resolver)
    assert set(drawn[learned].tolist()) == {2}
    assert abs((drawn[~learned] == 1).mean() - 0.8) < 0.05
    assert set(drawn[~learned].tolist()) == {0, 1}
