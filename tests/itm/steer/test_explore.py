from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors import placeruns
from collectors.network import Network
from collectors.rum import exploration
from itm.steer import explore as module
from itm.steer.evidence import Evidence
from itm.steer.explore import RUNS_FILE, TABLE_FILE, ExplorationFiles, explore
from itm.steer.world import World
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, POPS, cells, world

PROBED = tuple(replace(pop, probe_url=f"https://{pop.id}.example") for pop in POPS)
LESS = tuple(replace(pop, probe_url="" if pop.id == "ams" else pop.probe_url) for pop in PROBED)
MEASURED = (
    (JAPAN, "network", "ash", 40.0, 12.0, 9),
    (JAPAN, "network", "tokyo", 90.0, 30.0, 9),
    (AMERICA, "network", "ash", 70.0, 2.0, 1),
    (DUTCH, "place", "ams", 50.0, 20.0, 9),
)


def made(rows: tuple[tuple[str, str, str, float, float, int], ...], here: World) -> exploration.Exploration:
    aggregates = cells(*rows, of=here)
    return explore(here, aggregates, Evidence.of(aggregates, here.pops))


def test_without_measurements_a_place_has_its_prediction() -> None:
    """Closest first, spread from p25 to p75, nothing known; only POPs that browsers can measure."""
    here = world(pops=LESS)
    table = made((), here)
    for place in range(4):
        expected = sorted((P50[pop][place], pop) for pop in P50 if pop != "ams")
        found = table.of_place(place)
        assert [(one.ms, one.pop) for one in found] == expected
        assert [one.spread_ms for one in found] == pytest.approx([0.3 * ms for ms, _ in expected], rel=1e-3)
        assert {one.known for one in found} == {0}


def test_a_measured_network_has_what_the_decision_believes() -> None:
    """Its own row, in the order of its own estimates; how often each POP was measured stands beside it."""
    here = world(pops=PROBED)
    table = made(MEASURED, here)
    found = {one.pop: one for one in table.of_network(Network.of(JAPAN))}
    assert found["ash"].known == 12
    assert found["tokyo"].known == 30
    assert found["ash"].ms < found["tokyo"].ms, "measured against the prediction's order"
    assert found["osaka"].known == 0
    assert next(iter(found)) == "osaka", "predicted, and no longer beaten by Tokyo"


def test_cells_too_thin_for_a_decision_are_counted() -> None:
    """Two measurements move no estimate, but the next session need not begin with that POP."""
    found = made(MEASURED, world(pops=PROBED)).of_network(Network.of(AMERICA))
    assert (found[0].pop, found[0].ms, found[0].known) == ("ash", 7.0, 2.0)


def test_a_measured_place_has_a_row_of_its_own() -> None:
    """For all its networks; the other places keep their cells'."""
    table = made(MEASURED, world(pops=PROBED))
    place = world().places.place_of(Network.of(DUTCH))
    assert {one.pop: one.known for one in table.of_place(place)}["ams"] == 20
    assert [one.known for one in table.of_place(1)] == [0, 0, 0, 0]
    assert table.of_network(Network.of(DUTCH)) == []


def test_a_pop_that_nobody_reaches_is_known_too() -> None:
    """Failed fetches count: it must not look unexplored for ever."""
    here = world(pops=PROBED)
    aggregates = cells((JAPAN, "network", "ash", np.nan, 0.0, 9), of=here)
    aggregates = replace(aggregates, availability_n=np.array([25.0], np.float32))
    table = explore(here, aggregates, Evidence.of(aggregates, here.pops))
    assert {one.pop: one.known for one in table.of_network(Network.of(JAPAN))}["ash"] == 25


def test_the_most_measured_networks_have_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file stays small whatever comes in."""
    monkeypatch.setattr(module, "MOST_NETWORKS", 2)
    monkeypatch.setattr(module, "CHUNK", 1)
    rows = tuple((f"133.11.{n}.1", "network", "ash", 40.0, 5.0 + n, 9) for n in range(5))
    table = made(rows, world(pops=PROBED))
    assert [bool(table.of_network(Network.of(f"133.11.{n}.1"))) for n in range(5)] == [0, 0, 0, 1, 1]


def test_without_probe_urls_the_table_is_empty() -> None:
    """Nobody is measured, and nothing breaks."""
    table = made(MEASURED, world())
    assert table.problems() == []
    assert table.of_place(1) == []


def test_the_files_are_written_when_they_change(tmp_path: Path) -> None:
    """The table at each build that differs, the runs once per place table, also over a restart."""
    here = world(pops=PROBED)
    files = ExplorationFiles(tmp_path)
    nothing = cells(of=here)

    def stamps() -> list[int]:
        return [(tmp_path / name).stat().st_mtime_ns for name in (TABLE_FILE, RUNS_FILE)]

    files.write(here, nothing, Evidence.of(nothing, here.pops))
    first = stamps()
    files.write(here, nothing, Evidence.of(nothing, here.pops))
    assert stamps() == first
    assert exploration.load(tmp_path / TABLE_FILE).places == placeruns.load(tmp_path / RUNS_FILE).digest
    measured = cells(*MEASURED, of=here)
    ExplorationFiles(tmp_path).write(here, measured, Evidence.of(measured, here.pops))
    later = stamps()
    assert (later[0] > first[0], later[1]) == (True, first[1])
    moved = replace(here, places=replace(here.places, digest="another"))
    files.write(moved, nothing, Evidence.of(nothing, here.pops))
    assert placeruns.load(tmp_path / RUNS_FILE).digest == "another"


def test_a_disk_that_refuses_holds_up_no_build(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told; plans go on by the table before."""
    caplog.set_level(logging.WARNING)
    nothing = cells(of=world(pops=PROBED))
    files = ExplorationFiles(tmp_path / "missing")
    files.write(world(pops=PROBED), nothing, Evidence.of(nothing, world().pops))
    assert [record.message for record in caplog.records] == ["exploration.unwritten"]
