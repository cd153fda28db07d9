from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.network import Network
from collectors.rum.plan import BEST, CURRENT, DRAWN, THIN
from itm.ops.exploring import Exploring
from itm.steer.evidence import Evidence
from itm.steer.explore import RUNS_FILE, TABLE_FILE, ExplorationFiles
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, POPS, cells, world

NOW = 1_700_000_000.0
WORLD = world(pops=tuple(replace(pop, probe_url=f"https://{pop.id}.example") for pop in POPS))
ALL = tuple(P50)
MANY = tuple(
    (JAPAN, rung, pop, float(P50[pop][1]), 100.0, 9)
    for rung in ("network", "place")
    for pop in ("tokyo", "ams", "ash")
)
"""Japan knows three of four POPs well, as predicted; nobody measured Osaka."""


def left(state: Path, *rows: tuple[str, str, str, float, float, int]) -> Exploring:
    """Return the edge's side of a table that a build of these measurements left."""
    aggregates = cells(*rows, of=WORLD)
    ExplorationFiles(state).write(WORLD, aggregates, Evidence.of(aggregates, WORLD.pops))
    exploring = Exploring(state, 30)
    exploring.follow()
    return exploring


@pytest.mark.parametrize(("address", "best"), [(JAPAN, "tokyo"), (DUTCH, "ams"), (AMERICA, "ash")])
def test_the_predicted_best_of_the_place_is_measured(tmp_path: Path, address: str, best: str) -> None:
    """Beside the POP in use; what is not allowed is not in the plan."""
    plan = left(tmp_path).choose(Network.of(address), "osaka", ALL, random.Random(1), NOW)
    assert [(one.pop, one.why) for one in plan[:2]] == [("osaka", CURRENT), (best, BEST)]
    others = tuple(pop for pop in ALL if pop != best)
    less = left(tmp_path).choose(Network.of(address), "", others, random.Random(1), NOW)
    assert {one.pop for one in less} == set(others)


def test_without_a_table_all_are_alike_and_thin_ones_come_first(tmp_path: Path) -> None:
    """What was planned counts from the first session on."""
    exploring = Exploring(tmp_path, 30)
    exploring.follow()
    counts: Counter[str] = Counter()
    rng = random.Random(1)
    for _ in range(4 * int(THIN)):
        plan = exploring.choose(Network.of(JAPAN), "", [f"p{n}" for n in range(16)], rng, NOW)
        assert {one.why for one in plan} == {DRAWN}
        counts.update(one.pop for one in plan)
    assert set(counts.values()) == {int(THIN)}


def test_what_the_network_knows_too_little_of_comes_first(tmp_path: Path) -> None:
    """The first draw of every session, until it was planned often enough; then chance decides."""
    exploring = left(tmp_path, *MANY)
    rng = random.Random(2)
    first = [exploring.choose(Network.of(JAPAN), "tokyo", ALL, rng, NOW)[1].pop for _ in range(40)]
    assert set(first[: int(THIN)]) == {"osaka"}
    assert set(first[int(THIN) :]) > {"osaka"}


def test_networks_of_one_place_share_its_need_between_two_builds(tmp_path: Path) -> None:
    """Each network of 133.11.0.0/16 asks once: together they fill the place's cells, not all the same."""
    exploring = left(tmp_path)
    rng = random.Random(3)
    counts: Counter[str] = Counter()
    first = Network.of(JAPAN).unit & ~255
    assert WORLD.places.place_of(Network(4, first)) == WORLD.places.place_of(Network(4, first + 255))
    allowed = (*ALL, *(f"new{number}" for number in range(6)))
    for number in range(3 * int(THIN)):
        plan = exploring.choose(Network(4, first + number), "tokyo", allowed, rng, NOW)
        counts.update(one.pop for one in plan if one.why == DRAWN)
    assert len(counts) == len(allowed) - 1
    assert max(counts.values()) <= THIN + 3, "the near ones waited for the others"


def test_a_table_of_other_places_is_used_for_networks_only(tmp_path: Path) -> None:
    """Until the runs of its places are there, no place is guessed."""
    exploring = left(tmp_path, *MANY)
    aggregates = cells(*MANY, of=WORLD)
    moved = replace(WORLD, places=replace(WORLD.places, digest="another"))
    (tmp_path / "other").mkdir()
    ExplorationFiles(tmp_path / "other").write(moved, aggregates, Evidence.of(aggregates, WORLD.pops))
    (tmp_path / "other" / TABLE_FILE).replace(tmp_path / TABLE_FILE)
    exploring.follow()
    elsewhere = exploring.choose(Network.of(DUTCH), "", ALL, random.Random(1), NOW)
    assert {one.why for one in elsewhere} == {DRAWN}
    assert BEST in {one.why for one in exploring.choose(Network.of(JAPAN), "", ALL, random.Random(1), NOW)}


def test_a_damaged_file_is_told_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was read before stays in force."""
    exploring = left(tmp_path, *MANY)
    for name in (TABLE_FILE, RUNS_FILE):
        fresh = tmp_path / "fresh"
        fresh.write_bytes(b"rubbish")
        fresh.replace(tmp_path / name)
    for _ in range(3):
        exploring.follow()
    assert [record.message for record in caplog.records] == ["exploration.refused"] * 2
    assert exploring.choose(Network.of(DUTCH), "", ALL, random.Random(1), NOW)[0].pop == "ams"
