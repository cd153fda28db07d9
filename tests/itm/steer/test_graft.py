"""Two maps made one: inside the slice the changed one decides, outside the live one, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.network import UNIT_BITS
from itm.catalog.types import Rule, Service
from itm.routemap.routemap import RouteMap
from itm.steer.behind import Behind
from itm.steer.cycle import Knowledge, build_all
from itm.steer.evidence import Evidence
from itm.steer.graft import graft
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.resolvers import Resolvers
from itm.steer.world import World
from tests.itm.steer.crowds import crowd, table
from tests.itm.steer.worlds import DUTCH, JAPAN, POPS, cut_world, service, world

SENT_AWAY = tuple(replace(p, bias=400.0) if p.id == "ams" else p for p in POPS)


def built(one: World, evidence: Evidence | None = None, behind: Behind | None = None) -> RouteMap:
    known = evidence or Evidence.nothing(len(one.pops))
    knowledge = Knowledge(known, Resolvers.of(one, known, behind or Behind.nothing()))
    return routemap_of(
        one, build_all(one, knowledge, [Memory.nothing()] * len(one.classes), Limits(4, 1.0)), 1, 0.0
    )


def order(routemap: RouteMap, family: int, unit: int, index: int = 0) -> tuple[object, ...]:
    one = routemap.classes[index]
    leaf, _ = one.lookup(family, unit)
    return one.order_of(leaf), one.shares_of(leaf), one.ttl_of(leaf)


@pytest.mark.parametrize("seed", range(12))
def test_every_network_gets_the_world_of_its_slice(seed: int) -> None:
    """Random worlds with rules and measured networks, every unit about the borders; the map is sound."""
    one, measured = cut_world(seed)
    evidence = Evidence.of(measured, one.pops)
    other = replace(one, catalog=replace(one.catalog, pops=SENT_AWAY, services=(service(),)))
    live, changed = built(one, evidence), built(other, evidence)
    inside = np.random.default_rng(seed).random(4) < 0.5
    got = graft(live, changed, inside, one.places)
    assert got.problems() == []
    for family, start in ((4, one.places.v4_start), (6, one.places.v6_start)):
        here = np.concatenate(
            [
                start,
                start + 1,
                start[1:] - 1,
                *(m.classes[0].v4.start for m in (live, changed) if family == 4),
            ]
        )
        for unit in here.tolist():
            place = one.places.places_of(family, np.array([unit]))[0]
            expected = changed if inside[place] else live
            assert order(got, family, unit) == order(expected, family, unit)


@pytest.mark.parametrize(("inside", "which"), [(False, 0), (True, 1)])
def test_all_or_nothing_is_one_of_the_two_maps(inside: bool, which: int) -> None:
    """To the last run: a graft adds no border and no leaf."""
    maps = built(world()), built(world(pops=SENT_AWAY))
    got = graft(*maps, np.full(4, inside), world().places).classes[0]
    assert len(got.leaves) == len(maps[which].classes[0].leaves)
    for name in ("v4", "v6"):
        np.testing.assert_array_equal(getattr(got, name).start, getattr(maps[which].classes[0], name).start)


def test_equal_decisions_leave_no_border() -> None:
    """Where both maps agree the slice cannot be seen."""
    one = built(world())
    got = graft(one, built(world()), np.array([False, True, False, True]), world().places)
    assert len(got.classes[0].v4.start) == len(one.classes[0].v4.start)


def test_services_are_grafted_by_name() -> None:
    """One that is new waits, one that is dropped stays; two of one class may part."""
    asia = {"pools": (("asia", ("osaka",)),), "rules": (Rule(("asia",)),)}
    names = ("a.example.net.", "b.example.net.", "c.example.net.")
    a, b, c = (service(name) for name in names)
    new: tuple[Service, ...] = (service(names[0], **asia), b, service("d.example.net."))
    live, changed = built(world(a, b, c)), built(world(*new))
    got = graft(live, changed, np.full(4, True), world().places)
    assert [s.name for s in got.services] == list(names)
    assert len({s.class_index for s in got.services}) == 3
    first = [order(got, 4, 0x850B00, s.class_index)[0][0] for s in got.services]  # type: ignore[index]
    assert [POPS[p].id for p in first] == ["osaka", "tokyo", "tokyo"]
    assert got.problems() == []


def test_a_resolver_belongs_where_its_own_network_is() -> None:
    """Its clients are Japanese: inside Japan's slice or not, it is the resolver's own place that counts."""
    behind = Behind.of(table(*crowd(DUTCH, {"133.11": 4}), *crowd(JAPAN, {"193.0": 4})), 0.0, 7.0)
    live, changed = (built(world(pops=pops), behind=behind) for pops in (POPS, POPS))
    changed = replace(
        changed, classes=(replace(changed.classes[0], leaves=changed.classes[0].leaves[:, ::-1]),)
    )
    got = graft(live, changed, np.array([False, False, True, False]), world().places)  # the Netherlands
    assert got.problems() == []
    for address, of in ((DUTCH, changed), (JAPAN, live)):
        unit = int(address.split(".")[0]) << 16 | int(address.split(".")[1]) << 8 | int(address.split(".")[2])
        leaf, expected = (m.classes[0].resolver_leaf(4, unit) for m in (got, of))
        assert leaf is not None
        assert expected is not None
        assert got.order_of(0, leaf) == of.order_of(0, expected)
    assert UNIT_BITS[4] == 24
