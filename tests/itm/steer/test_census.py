"""The census adds up by network, AS and country; the builder writes it with every build."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from collectors.network import Network
from itm.routemap.querycounts import QueryCounts, pack
from itm.steer.behind import Behind
from itm.steer.census import CensusFile, census
from itm.steer.demand import Counts, Demand
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, world


def counts(**by_address: float) -> Counts:
    keys = [Network.of(address.replace("_", ".")).key for address in by_address]
    return Counts.of(np.array(keys, np.uint64), np.array(list(by_address.values())))


def test_shares_add_up_whatever_they_are_told_by() -> None:
    """Addresses count for those of whom nothing is counted; the unplaced are in no AS and no country."""
    clients = counts(**{"133_11_0_1": 6_000.0, "133_11_9_1": 2_000.0, "9_9_9_9": 2_000.0})
    named = counts(**{"193_0_6_1": 50.0})
    made = census(world(), Demand.of(clients, named, Counts.nothing(), Behind.nothing()), ())
    assert (made.networks, made.clients) == (4, 10_000)
    assert made.addresses_share == pytest.approx(0.5, abs=0.001)
    lines = {kind: {one.name: one for one in some} for kind, some in made.heaviest.items()}
    assert list(lines["country"]) == ["JP", "NL", "US"]
    assert list(lines["as"]) == ["AS2501", "AS3333", "AS15169"]
    assert lines["country"]["JP"].share == pytest.approx(0.5 / 3 + 0.4, abs=0.001)
    assert lines["country"]["US"].share == pytest.approx(0.5 / 3, abs=0.001)
    assert (lines["country"]["NL"].queries, lines["country"]["NL"].addresses) == (50, 256)
    networks = made.heaviest["network"]
    assert [one.name for one in networks] == ["133.11.0.0/24", "133.11.9.0/24", "9.9.9.0/24", "193.0.6.0/24"]
    assert [one.addresses for one in networks] == [1, 1, 0, 1]
    assert networks[0].share == pytest.approx(0.5 / 768 + 0.3, abs=0.001)


def test_nobody_counted_is_a_census_of_addresses() -> None:
    """Countries by their /24s, no network of its own."""
    made = census(world(), Demand.nothing(), ())
    assert [round(one.share, 3) for one in made.heaviest["country"]] == [0.333] * 3
    assert made.heaviest["network"] == []
    assert made.addresses_share == 1


def test_a_disk_that_refuses_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The build goes on."""
    CensusFile(tmp_path / "gone").write(world(), Demand.nothing(), ())
    assert "census.unwritten" in caplog.text


def test_a_builder_counts_clients_and_queries(tmp_path: Path) -> None:
    """What was measured, and what DNS workers wrote, stands in the file after the next build."""
    station = Station.at(tmp_path)
    builder = station.builder()
    station.apply(bundle())
    station.turn(builder)
    station.measure(JAPAN, clients=9, tokyo=9.0, osaka=12.0)
    folder, hour = station.config.state_dir / "queries", int(station.clock.now // 3600)
    folder.mkdir()
    key = np.array([Network.of(AMERICA).key, Network.of(DUTCH).key], "<u8")
    named = np.array([False, True])
    asked = QueryCounts(hour, ("gw.",), np.zeros(2, "<u2"), key, named, np.array([40, 60], "<u4"), lost=7)
    (folder / f"{hour}-dns-0-a.counts").write_bytes(pack(asked))
    station.turn(builder)
    made = json.loads((station.config.state_dir / "demand.json").read_text())
    assert (made["clients"], made["queries"], made["lost"], made["hours"]) == (9, {"gw.": 100}, 7, 1)
    told = {one["name"]: (one["clients"], one["queries"]) for one in made["heaviest"]["network"]}
    assert told == {"133.11.0.0/24": (9, 0), "8.8.8.0/24": (0, 40), "193.0.6.0/24": (0, 60)}
