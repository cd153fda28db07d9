from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from itm.steer.learner import Learner
from tests.itm.steer.station import SITES, Station
from tests.itm.steer.worlds import JAPAN, P50, pop, world

WORLD = world(pops=tuple(pop(name, i + 1) for i, name in enumerate(P50)))
POPS = WORLD.pops


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


def learner(station: Station) -> Learner:
    return Learner(station.config, station.clock)


def samples(one: Learner, rung: str = "network") -> dict[str, float]:
    """Return the samples of the one row that a rung has evidence for."""
    measured = one.evidence(POPS).rungs[rung].measured
    assert len(measured.n) <= 1
    return {p: float(n) for p, n in zip(POPS, measured.n[0], strict=True) if n} if len(measured.n) else {}


def test_the_journal_becomes_evidence(station: Station) -> None:
    """What clients measured is laid out for the network they are in, per POP."""
    station.measure(JAPAN, tokyo=140.0, osaka=113.0)
    one = learner(station)
    assert samples(one) == {}
    one.read(WORLD)
    assert samples(one) == {"tokyo": 24.0, "osaka": 24.0}
    evidence = one.evidence(POPS).rungs["network"]
    key = WORLD.ladder.keys(np.array([4], np.uint8), np.array([0x850B00], np.uint64))[0, 0]
    assert evidence.key.tolist() == [key]
    assert evidence.measured.p25[0, 0] == pytest.approx(140, rel=0.05)
    assert one.counted == 48
    assert one.cells > 0


def test_what_comes_later_is_added(station: Station) -> None:
    """Reading goes on where it stopped; nothing is counted twice."""
    one = learner(station)
    for _ in range(2):
        station.measure(JAPAN, tokyo=140.0)
        one.read(WORLD)
        one.read(WORLD)
    assert one.counted == 48
    assert samples(one) == {"tokyo": 48.0}


def test_refused_records_are_counted_by_reason(station: Station) -> None:
    """A POP that the catalog does not know, and more of one client than counts, teach nothing."""
    station.measure(JAPAN, clients=1, gone=140.0)
    for _ in range(6):
        station.measure(JAPAN, clients=1, tokyo=140.0)
    one = learner(station)
    one.read(WORLD)
    assert one.refused["unknown_pop"] == 4
    assert one.refused["client_cap"] == 24 - station.config.collect.client_cap
    assert one.counted == station.config.collect.client_cap


def test_what_contradicts_the_place_teaches_the_network_alone(station: Station) -> None:
    """Japan is never 1 ms from Amsterdam: the network may know better than the table, its place does not."""
    w = world(pops=tuple(pop(n, 1, **dict(zip(("lat", "lon"), SITES[n], strict=True))) for n in P50))
    for third in range(6):
        station.measure(f"133.11.{third}.1", ams=1.0, tokyo=9.0)
    one = learner(station)
    one.read(w)
    assert one.own_only == 6 * 24
    assert samples(one, "place") == {"tokyo": 6 * 24}
    assert one.evidence(POPS).rungs["network"].measured.n[:, 2].tolist() == [24.0] * 6


def test_a_restart_goes_on_from_the_checkpoint(station: Station) -> None:
    """Windows and journal position are one: what came before is not read again, what came after is."""
    one = learner(station)
    station.measure(JAPAN, tokyo=140.0)
    one.read(WORLD)
    one.checkpoint()
    station.measure(JAPAN, osaka=113.0)
    again = learner(station)
    assert samples(again) == {"tokyo": 24.0}
    again.read(WORLD)
    assert samples(again) == {"tokyo": 24.0, "osaka": 24.0}


def test_the_cap_per_client_survives_a_restart(station: Station) -> None:
    """A client that has counted enough today has so after a restart, too."""
    one = learner(station)
    for _ in range(5):
        station.measure(JAPAN, clients=1, tokyo=140.0)
    one.read(WORLD)
    one.checkpoint()
    station.measure(JAPAN, clients=1, tokyo=140.0)
    again = learner(station)
    again.read(WORLD)
    assert again.refused["client_cap"] == 4


def test_without_a_checkpoint_the_journal_is_read_again(station: Station) -> None:
    """A crash before the first checkpoint, or a damaged one, costs nothing that the journal still holds."""
    station.measure(JAPAN, tokyo=140.0)
    one = learner(station)
    one.read(WORLD)
    one.checkpoint()
    (station.config.state_dir / "windows.ckpt").write_bytes(b"damaged")
    again = learner(station)
    again.read(WORLD)
    assert samples(again) == {"tokyo": 24.0}


def test_evidence_fades(station: Station) -> None:
    """A half-life later the samples weigh half."""
    station.measure(JAPAN, tokyo=140.0)
    one = learner(station)
    one.read(WORLD)
    station.clock.now += station.config.collect.half_life_hours * 3600
    assert samples(one) == {"tokyo": pytest.approx(12.0)}
