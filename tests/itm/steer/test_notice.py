from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.aggregate import Aggregates
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.notice import HOLD_SECONDS, RECENT_SECONDS, WIDE_SECONDS, notice
from itm.steer.plan import Limits
from itm.steer.slowdowns import Slowdowns
from tests.itm.steer.worlds import P50, cells, world

LIMITS = Limits(candidates=4, max_moved_share=1.0)
NOTHING = Evidence.nothing(len(P50))


def measured(prefix: str, pop: str, *ms: float, age: float = 60.0) -> Aggregates:
    """What one network after the other measured of a POP lately."""
    rows = [(f"{prefix}.{n}.1", "network", pop, value, 1.0, 1) for n, value in enumerate(ms)]
    found = cells(*rows)
    return replace(found, p50=found.p25, age_seconds=np.full(len(rows), age, np.float32))


def joined(*parts: Aggregates) -> Aggregates:
    names = [name for name in Aggregates.__dataclass_fields__ if name != "made_at"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((columns["pop"], columns["key"], columns["rung"]))
    return Aggregates(**{name: column[order] for name, column in columns.items()})


def of_places(found: Slowdowns) -> list[list[float]]:
    slower = found.of_places(world().places.key[1:])
    return [] if slower is None else slower[0].round().tolist()


def test_a_provider_is_slower_when_nearly_all_of_few_say_so() -> None:
    """Eight networks measure Tokyo at 85 ms, 5 are believed: they alone are 80 ms slower, to it alone."""
    recent = joined(
        measured("133.11", "tokyo", *[85.0] * 8),
        measured("193.0", "tokyo", *[240.0] * 20),
    )
    assert of_places(notice(world(), NOTHING, recent)) == [[80, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_cut_cable_leads_to_more_than_one_pop() -> None:
    """Two POPs of a continent slower, none otherwise: the others are held to be until they are measured."""
    slow = joined(*(measured("193.0", pop, *[400.0] * 8) for pop in ("tokyo", "osaka")))
    assert [ms > 0 for ms in of_places(notice(world(), NOTHING, slow))[1]] == [True] * 4
    fine = joined(slow, measured("193.0", "ams", *[6.0] * 8))
    assert [ms > 0 for ms in of_places(notice(world(), NOTHING, fine))[1]] == [True, True, False, False]


@pytest.mark.parametrize("slow", [0, 2, 4])
def test_a_minority_says_nothing(slow: int) -> None:
    """A quarter of sixteen networks may say what they like."""
    recent = measured("133.11", "tokyo", *[500.0] * slow, *[5.5] * (16 - slow))
    assert of_places(notice(world(), NOTHING, recent)) == []


def test_seven_networks_are_too_few_and_old_news_is_none() -> None:
    """As many must say so as a place needs to be believed; what is older than a quarter hour is past."""
    assert of_places(notice(world(), NOTHING, measured("133.11", "tokyo", *[85.0] * 7))) == []
    old = measured("133.11", "tokyo", *[85.0] * 20, age=RECENT_SECONDS + 1)
    assert of_places(notice(world(), NOTHING, old)) == []


def test_the_newest_votes_of_a_provider_count() -> None:
    """Forty networks measured before the fault and sixteen after it: sixteen are enough."""
    before = measured("133.11", "tokyo", *[5.0] * 40, age=600.0)
    after = replace(measured("133.11", "tokyo", *[85.0] * 16), key=before.key[:16] + np.uint64(64))
    recent = joined(before, after)
    assert of_places(notice(world(), NOTHING, recent))[0][0] == 80
    late = replace(recent, age_seconds=np.full(len(recent), WIDE_SECONDS + 1, np.float32))
    assert "world" not in notice(world(), NOTHING, late).groups


def test_everybody_says_that_a_pop_is_slow() -> None:
    """Japan, the Netherlands and America find it 100 ms slower: so does who has not measured it."""
    recent = joined(
        measured("133.11", "ams", *[340.0] * 8),
        measured("193.0", "ams", *[106.0] * 8),
    )
    found = of_places(notice(world(), NOTHING, recent))
    assert [row[2] for row in found] == [100, 100, 100]


def test_what_is_faster_waits_for_the_windows() -> None:
    """Only slower is told: being called fast is what liars want."""
    recent = measured("133.11", "ams", *[100.0] * 16)
    assert of_places(notice(world(), NOTHING, recent)) == []


def test_rows_move_when_two_builds_saw_it_and_an_incremental_build_is_a_full_one() -> None:
    """Japan leaves Tokyo for Osaka at the second build, nobody else moves; it ends where it is over."""
    one = world()
    (steering,) = one.classes
    slow = replace(NOTHING, slowdowns=notice(one, NOTHING, measured("133.11", "tokyo", *[85.0] * 8)))
    first = build_class(one, NOTHING, steering, Memory.nothing(), LIMITS)
    last, served = first, []
    for evidence in (slow, slow, NOTHING, NOTHING):
        full = build_class(one, evidence, steering, last.after, LIMITS)
        last = build_class(one, evidence, steering, last.after, LIMITS, last)
        assert np.array_equal(full.decision.ranks, last.decision.ranks)
        served.append([one.pops[p] for p in last.decision.ranks[1:, 0]])
    assert [row[0] for row in served[:2]] == ["tokyo", "osaka"]
    assert {tuple(row[1:]) for row in served} == {("ams", "ash")}


def test_a_slowdown_outlasts_those_who_leave() -> None:
    """Nobody measures the POP that everybody left; half an hour later it is as good as was believed."""
    slow = replace(measured("133.11", "tokyo", *[85.0] * 8), made_at=1000.0)
    found = notice(world(), NOTHING, slow)
    silent = replace(measured("133.11", "tokyo"), made_at=1000.0 + HOLD_SECONDS)
    held = notice(world(), NOTHING, silent, found)
    assert of_places(held) == of_places(found)
    assert of_places(notice(world(), NOTHING, replace(silent, made_at=silent.made_at + 1), held)) == []


def test_a_full_pop_is_slow_for_that_reason() -> None:
    """Who leaves it is the assignment's business; what was held of it before is forgotten, too."""
    slow = replace(measured("133.11", "tokyo", *[85.0] * 8), made_at=1000.0)
    found = notice(world(), NOTHING, slow)
    assert of_places(found) != []
    assert of_places(notice(world(), NOTHING, slow, found, full={"tokyo"})) == []
    assert of_places(notice(world(), NOTHING, slow, found, full={"osaka"})) == of_places(found)
