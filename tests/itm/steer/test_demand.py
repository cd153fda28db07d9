"""Demand: addresses, until people are counted; few counts change little, nor do queries decide all."""

from __future__ import annotations

import numpy as np
import pytest

from collectors.network import Network
from itm.steer.behind import Behind
from itm.steer.demand import (
    LEAST_PRIOR,
    MOST_BY_QUERIES,
    PRIOR_CLIENTS,
    QUERIES_PER_CLIENT,
    Counts,
    Demand,
    clients_of,
)
from itm.steer.evidence import Evidence
from itm.steer.frame import frame_of
from itm.steer.memory import Memory
from itm.steer.rows import Rows
from itm.steer.terms import terms_of
from tests.itm.steer.crowds import NOW, crowd, table
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, cells, world

NOBODY = Counts.nothing()
PLACES = 3 * 256
"""The /24s of the world."""


def counts(**by_address: float) -> Counts:
    keys = [Network.of(address.replace("_", ".")).key for address in by_address]
    return Counts.of(np.array(keys, np.uint64), np.array(list(by_address.values())))


def rows(*measured: str) -> Rows:
    w = world()
    evidence = Evidence.of(cells(*((a, "network", "tokyo", 9.0, 30.0, 9) for a in measured)), tuple(P50))
    steering = w.classes[0]
    terms, rules = terms_of(w, steering), w.rules_of_places(steering)
    return frame_of(w, evidence, steering, terms, Memory.nothing(), rules).rows


def demand(clients: Counts = NOBODY, named: Counts = NOBODY, asked: Counts = NOBODY) -> Demand:
    return Demand.of(clients, named, asked, Behind.nothing())


def test_a_little_evidence_does_not_drown_the_rest() -> None:
    """A hundred clients are one per cent of what addresses weigh; the sum stays what it was."""
    weight = demand(counts(**{"133_11_0_1": 100.0})).weights(rows())
    assert weight.sum(dtype=float) == pytest.approx(PLACES, abs=0.01)
    assert weight[1] / PLACES == pytest.approx((PRIOR_CLIENTS / 3 + 100) / (PRIOR_CLIENTS + 100), rel=1e-4)
    assert weight[2] == weight[3] < 256


def test_many_clients_say_where_demand_is_but_nobody_is_without_any() -> None:
    """However many are counted in one network, a tenth of demand follows addresses."""
    weight = demand(counts(**{"133_11_0_1": 1e7})).weights(rows())
    assert weight[2] / PLACES == pytest.approx(LEAST_PRIOR / 3, rel=0.01)
    assert weight[1] / PLACES == pytest.approx(1 - LEAST_PRIOR * 2 / 3, rel=0.01)


def test_sums_of_weights_are_exact() -> None:
    """No share is above 1 because it was added up in another order: a limit of 1 holds nothing back."""
    rng = np.random.default_rng(1)
    keys = np.uint64(4 << 60) | rng.choice(1 << 24, 5000, replace=False).astype(np.uint64)
    found = demand(Counts.of(np.append(keys, Network.of(JAPAN).key), rng.exponential(30, 5001)))
    weight = found.weights(rows(JAPAN)).astype(np.float64)
    assert weight.sum() == weight[::-1].sum() == np.cumsum(weight)[-1]


def test_what_is_counted_counts_for_the_row_that_serves_it() -> None:
    """A measured network has its own, the unplaced what was counted of them."""
    found = demand(counts(**{"133_11_0_1": 60.0, "133_11_9_1": 30.0, "9_9_9_9": 20.0}))
    before, weight = Demand.nothing().weights(rows(JAPAN)), found.weights(rows(JAPAN))
    assert before.tolist() == [0, 255, 256, 256, 1]
    own, place, unplaced = weight[4] - 1, weight[1] - 255, weight[0]
    assert own > unplaced > 0 > place  # 30 of 110 clients are less than a third of the /24s
    assert own / unplaced == pytest.approx(3, rel=0.1)


def test_the_larger_of_clients_and_queries_counts() -> None:
    """They are the same people; what a client asks is learned where both are known."""
    clients = counts(**{"133_11_0_1": 900.0, "193_0_6_1": 10.0})
    named = counts(**{"133_11_0_1": 3 * 900.0, "193_0_6_1": 3 * 500.0, "8_8_8_8": 300.0})
    found = demand(clients, named)
    # (10 x 100 + 4,200) queries of (100 + 910) clients
    assert found.queries_per_client == pytest.approx(5200 / 1010)
    counted = dict(zip(found.key.tolist(), found.counted.tolist(), strict=True))
    assert counted[Network.of(JAPAN).key] == 900
    assert counted[Network.of(DUTCH).key] == pytest.approx(1500 / found.queries_per_client)
    assert counted[Network.of(AMERICA).key] == pytest.approx(300 / found.queries_per_client)


def test_without_clients_queries_are_turned_by_what_is_usual() -> None:
    """And of one network they make no more than so many clients, whoever asks in its name."""
    found = demand(named=counts(**{"133_11_0_1": 500.0, "8_8_8_8": 1e9}))
    assert sorted(found.counted.tolist()) == [500.0 / QUERIES_PER_CLIENT, MOST_BY_QUERIES]


def test_a_resolver_asks_for_those_behind_it() -> None:
    """Known clients share its queries by weight; of others it stands for its own network."""
    people = table(*crowd(AMERICA, {"133.11": 3}), (AMERICA, DUTCH, 3.0))
    behind = Behind.of(people, NOW, 7.0)
    asked = counts(**{"8_8_8_8": 600.0, "193_0_9_1": 50.0})
    found = Demand.of(NOBODY, counts(**{"133_11_0_1": 7.0}), asked, behind)
    queries = dict(zip(found.key.tolist(), found.queries.tolist(), strict=True))
    assert queries.pop(Network.of(JAPAN).key) == pytest.approx(107)
    assert queries.pop(Network.of(DUTCH).key) == pytest.approx(300)
    assert queries.pop(Network.of("193.0.9.1").key) == 50
    assert list(queries.values()) == pytest.approx([100, 100])


def test_resolvers_weigh_by_sightings_until_they_are_heard() -> None:
    """Who asks a lot weighs more than the sightings of a few sessions say."""
    behind = Behind.of(table(*crowd(AMERICA, {"133.11": 4}), *crowd(DUTCH, {"133.11": 4})), NOW, 7.0)
    assert Demand.nothing().of_resolvers(behind).tolist() == [4, 4]
    found = Demand.of(NOBODY, NOBODY, counts(**{"193_0_6_1": 10 * PRIOR_CLIENTS}), behind)
    assert found.of_resolvers(behind).tolist() == [2, 6]  # sorted by network: 8.8.8.0, 193.0.6.0
    assert Demand.nothing().of_resolvers(Behind.nothing()).tolist() == []


def test_clients_are_those_of_the_pop_most_measured() -> None:
    """A page view measures several POPs: its client is one client; wider rungs are not counted again."""
    made = [
        (JAPAN, "network", "tokyo", 9.0, 30.0, 9),
        (JAPAN, "network", "osaka", 9.0, 30.0, 4),
        (DUTCH, "network", "ams", 9.0, 1.0, 1),
        (JAPAN, "place", "tokyo", 9.0, 90.0, 30),
    ]
    found = clients_of(cells(*made))
    keys = np.array([Network.of(a).key for a in (JAPAN, DUTCH, AMERICA)], np.uint64)
    assert found.at(keys).tolist() == [9, 1, 0]
    assert len(clients_of(cells())) == 0


def test_services_weigh_by_their_queries() -> None:
    """Alike until queries are counted; what nobody asks for weighs little, and not nothing."""
    names = ["a.", "b.", "c."]
    assert Demand.nothing().of_services(names) == dict.fromkeys(names, 1.0)
    counted = {"a.": 97_000.0, "b.": 1_000.0, "gone.": 1e9}
    weight = Demand.of(NOBODY, NOBODY, NOBODY, Behind.nothing(), counted).of_services(names)
    assert sum(weight.values()) == pytest.approx(3)
    assert weight == pytest.approx({"a.": 3 * 98 / 101, "b.": 3 * 2 / 101, "c.": 3 * 1 / 101})


def test_demand_comes_back_from_its_arrays() -> None:
    """Bit for bit: a map's inputs tell the demand it was planned with."""
    asked, named, clients = ({"193_0_6_1": 1.1}, {"8_8_8_8": 7.7}, {"133_11_0_1": 3.3})
    some = counts(**clients), counts(**named), counts(**asked)
    was = Demand.of(*some, Behind.nothing(), {"gw.": 5.0, "a.": 2.5})
    got = Demand.of_arrays(was.arrays())
    for name, array in was.arrays().items():
        assert got.arrays()[name].tobytes() == array.tobytes()
    assert got.by_service == was.by_service
