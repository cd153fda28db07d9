from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from itm.catalog.types import ZoneText
from itm.routemap import current, snapshot
from itm.routemap.routemap import RouteMap
from itm.steer import inputs as inputs_file
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import publish, routemap_of, says_the_same
from itm.steer.world import World
from tests.itm.steer.worlds import POPS, service, world

NOTHING = Evidence.nothing(4)


def routemap(w: World | None = None, version: int = 1) -> RouteMap:
    w = w or world()
    builds = [build_class(w, NOTHING, c, Memory.nothing(), Limits(3, 1.0)) for c in w.classes]
    return routemap_of(w, builds, version, 1000.0)


def inputs(version: int) -> Inputs:
    held = np.zeros(0, dtype=np.uint64)
    return Inputs(version, 1, "places", "predictions", 3, NOTHING, (Memory.nothing(),), (held,))


def put(folder: Path, version: int, *, keep: int = 9, pinned: bool = False) -> None:
    publish(folder, routemap(version=version), inputs(version), keep=keep, pinned=pinned)


def test_the_map_carries_all_that_answers_need() -> None:
    """POPs, services with their class, and zones ride along."""
    other = service("b.example.net.", ttl=60, ipv4_values=("192.0.2.9",), steer=("up", "allowed", "fastest"))
    w = world(service(), other)
    w = replace(w, catalog=replace(w.catalog, zones=(ZoneText("example.net.", "zone"),)))
    got = routemap(w, 7)
    assert (got.version, got.built_at, got.catalog_version, got.basis) == (7, 1000.0, 1, "latency")
    assert [p.id for p in got.pops] == [p.id for p in POPS]
    assert got.service("b.example.net.").ipv4_values == ("192.0.2.9",)
    assert [s.class_index for s in got.services] == [0, 1]
    assert got.zones == w.catalog.zones
    assert got.problems() == []


def test_maps_say_the_same_or_not() -> None:
    """Version and time say nothing; catalog, POPs, services and any class's table do."""
    one = routemap()
    assert says_the_same(one, replace(routemap(version=9), built_at=5.0))
    assert not says_the_same(None, one)
    assert not says_the_same(one, replace(one, catalog_version=2))
    assert not says_the_same(one, routemap(world(pops=(replace(POPS[0], bias=99.0), *POPS[1:]))))
    assert not says_the_same(one, routemap(world(service(ttl=99))))
    assert not says_the_same(one, replace(one, classes=()))


def test_publishing_makes_a_map_live_and_explained(tmp_path: Path) -> None:
    """Map and inputs stand beside each other, the pointer names them."""
    put(tmp_path / "maps", 3)
    assert current.live_version(tmp_path / "maps") == 3
    assert snapshot.read(current.path_of(tmp_path / "maps", 3)).version == 3
    assert inputs_file.load(tmp_path / "maps", 3).version == 3


def test_old_maps_go_with_their_inputs(tmp_path: Path) -> None:
    """The newest `keep` stay."""
    for version in (1, 2, 3, 4):
        put(tmp_path, version, keep=2)
    assert current.versions(tmp_path) == [3, 4]
    assert sorted(p.name for p in tmp_path.glob("*.inputs")) == ["0000000003.inputs", "0000000004.inputs"]


def test_a_pinned_map_stays_live(tmp_path: Path) -> None:
    """The new one is written, newest of all, but nobody is pointed to it."""
    put(tmp_path, 1)
    put(tmp_path, 2, keep=1, pinned=True)
    assert current.live_version(tmp_path) == 1
    assert current.versions(tmp_path) == [1, 2]
    assert inputs_file.load(tmp_path, 2).version == 2
