from __future__ import annotations

from dataclasses import replace

import numpy as np

from itm.catalog.types import Margin, Rule, Tuning
from itm.steer.classes import NOT_ALLOWED
from itm.steer.terms import tail_of, terms_of
from tests.itm.steer.worlds import POPS, service, world

POOLS = (("west", ("ash", "ams")), ("all", ("tokyo", "osaka", "ams", "ash")))
RULES = (Rule(("west", "all"), geos=("NA",)), Rule(("all",)))


def test_a_pop_stands_where_the_rule_s_first_pool_that_has_it_puts_it() -> None:
    """Position and weight are of that pool, so they differ from rule to rule."""
    weights = (("west", (3.0, 1.0)), ("all", (5.0, 6.0, 7.0, 8.0)))
    one = world(service(pools=POOLS, rules=RULES, tuning=Tuning(weights=weights)))
    rules = terms_of(one, one.classes[0]).rules
    assert rules.tiers.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]
    assert rules.position.tolist() == [[0, 1, 1, 0], [0, 1, 2, 3]]
    assert rules.weight.tolist() == [[5, 6, 1, 3], [5, 6, 7, 8]]


def test_a_pop_s_own_handicap_stands_before_its_pool_s() -> None:
    """In ms, or as a share of the round trip."""
    tuning = Tuning(pop_handicaps=(("ash", Margin(share=0.25)),), pool_handicaps=(("west", Margin(ms=10)),))
    one = world(service(pools=POOLS, rules=RULES, tuning=tuning))
    rules = terms_of(one, one.classes[0]).rules
    assert rules.handicap_ms.tolist() == [[0, 0, 10, 0], [0, 0, 0, 0]]
    assert rules.handicap_share.tolist() == [[0, 0, 0, 0.25], [0, 0, 0, 0.25]]


def test_price_and_leg_are_known_only_to_chains_that_ask_for_them() -> None:
    """Another service's chain is not moved by what it does not name."""
    pops = tuple(replace(pop, cost=float(number)) for number, pop in enumerate(POPS))
    plain = service("a.example.net.")
    priced = service("b.example.net.", steer=("up", "fastest", "joint", "cost"))
    one = world(plain, priced, pops=pops)
    leg = np.array([1, 2, 3, 4], dtype=np.float32)
    of_plain, of_priced = (terms_of(one, steering, leg).pops for steering in one.classes)
    assert (of_plain.cost.tolist(), of_plain.leg_ms.tolist()) == ([0] * 4, [0] * 4)
    assert (of_priced.cost.tolist(), of_priced.leg_ms.tolist()) == ([0, 1, 2, 3], [1, 2, 3, 4])


def test_the_common_score_is_what_the_chain_reads() -> None:
    """Handicap and leg move the tail as they move the ranks; a strict order is the tail's too."""
    handicap = Tuning(pop_handicaps=(("tokyo", Margin(ms=7)),))
    joint = world(service(steer=("up", "fastest", "joint"), tuning=handicap))
    leg = np.array([1, 2, 3, 4], dtype=np.float32)
    common = terms_of(joint, joint.classes[0], leg).rules.common[0]
    assert np.allclose(common - joint.common_score, [8, 2, 3, 4], atol=0.06)
    strict = world(service(steer=("up", "failover")))
    assert terms_of(strict, strict.classes[0]).rules.common.tolist() == [[0, 1, 2, 3]]


def test_the_tail_holds_all_that_the_rule_allows() -> None:
    """By pool, then by what each POP costs the world; nobody else."""
    tiers = np.array([1, 0, NOT_ALLOWED, 0, 1], dtype=np.uint8)
    score = np.array([5, 90, 1, 80, 4], dtype=np.float32)
    assert tail_of(tiers, score).tolist() == [3, 1, 4, 0]
