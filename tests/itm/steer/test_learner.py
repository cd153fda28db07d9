from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors.bus import InProcess
from collectors.collector import Collector, Ground
from collectors.guard import Guard, PopSites
from collectors.outbox import Outbox
from itm.steer import learner as module
from itm.steer.learner import Learner
from itm.steer.world import World
from tests.itm.steer.station import SITES, Station
from tests.itm.steer.worlds import JAPAN, P50, pop, world

WORLD = world(pops=tuple(pop(name, i + 1) for i, name in enumerate(P50)))
POPS = WORLD.pops


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


class Learning(Learner):
    """A learner in whose process a collector is at work, too: both begin as fresh processes would."""

    def __init__(self, station: Station) -> None:
        bus, collect = InProcess(), station.config.collect
        super().__init__(station.config, bus, station.clock)
        self.collector = Collector(
            "one",
            station.config.state_dir / "journal",
            Outbox(station.config.state_dir / "collector"),
            lambda: Guard(collect.client_cap),
            bus,
            half_life_seconds=collect.half_life_hours * 3600,
            delta_seconds=0.0,
            clock=station.clock,
        )

    def collect(self, world: World) -> None:
        pops = world.catalog.pops
        sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
        for _ in range(3):
            self.collector.step(lambda: Ground(world.ladder, sites))
            self.read()


def learner(station: Station) -> Learning:
    return Learning(station)


def samples(one: Learner, rung: str = "network") -> dict[str, float]:
    """Return the samples of the one row that a rung has evidence for."""
    measured = one.evidence(WORLD).rungs[rung].measured
    assert len(measured.n) <= 1
    return {p: float(n) for p, n in zip(POPS, measured.n[0], strict=True) if n} if len(measured.n) else {}


def test_the_journal_becomes_evidence(station: Station) -> None:
    """What clients measured is laid out for the network they are in, per POP."""
    station.measure(JAPAN, tokyo=140.0, osaka=113.0)
    one = learner(station)
    assert samples(one) == {}
    one.collect(WORLD)
    assert samples(one) == {"tokyo": 24.0, "osaka": 24.0}
    evidence = one.evidence(WORLD).rungs["network"]
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
        one.collect(WORLD)
        one.collect(WORLD)
    assert one.counted == 48
    assert samples(one) == {"tokyo": 48.0}


def test_refused_records_are_counted_by_reason(station: Station) -> None:
    """A POP that the catalog does not know, and more of one client than counts, teach nothing."""
    station.measure(JAPAN, clients=1, gone=140.0)
    for _ in range(6):
        station.measure(JAPAN, clients=1, tokyo=140.0)
    one = learner(station)
    one.collect(WORLD)
    assert one.refused["unknown_pop"] == 4
    assert one.refused["client_cap"] == 24 - station.config.collect.client_cap
    assert one.counted == station.config.collect.client_cap


def test_what_contradicts_the_place_teaches_the_network_alone(station: Station) -> None:
    """Japan is never 1 ms from Amsterdam: the network may know better than the table, its place does not."""
    w = world(pops=tuple(pop(n, 1, **dict(zip(("lat", "lon"), SITES[n], strict=True))) for n in P50))
    for third in range(8):
        station.measure(f"133.11.{third}.1", ams=1.0, tokyo=9.0)
    one = learner(station)
    one.collect(w)
    assert one.own_only == 8 * 24
    assert samples(one, "place") == {"tokyo": 8 * 24}
    assert one.evidence(WORLD).rungs["network"].measured.n[:, 2].tolist() == [24.0] * 8


def test_a_restart_goes_on_from_the_checkpoint(station: Station) -> None:
    """Windows and marks are one: what came before is not counted again, what came after is."""
    one = learner(station)
    station.measure(JAPAN, tokyo=140.0)
    one.collect(WORLD)
    one.checkpoint()
    station.measure(JAPAN, osaka=113.0)
    again = learner(station)
    assert samples(again) == {"tokyo": 24.0}
    again.collect(WORLD)
    assert samples(again) == {"tokyo": 24.0, "osaka": 24.0}


def test_the_cap_per_client_survives_a_restart(station: Station) -> None:
    """A client that has counted enough today has so after a restart, too."""
    one = learner(station)
    for _ in range(5):
        station.measure(JAPAN, clients=1, tokyo=140.0)
    one.collect(WORLD)
    one.checkpoint()
    station.measure(JAPAN, clients=1, tokyo=140.0)
    again = learner(station)
    again.collect(WORLD)
    assert again.refused["client_cap"] == 4


def test_without_a_checkpoint_the_journal_is_read_again(station: Station) -> None:
    """A crash before the first checkpoint, or a damaged one, costs nothing that the journal still holds."""
    station.measure(JAPAN, tokyo=140.0)
    one = learner(station)
    one.collect(WORLD)
    one.checkpoint()
    (station.config.state_dir / "windows.ckpt").write_bytes(b"damaged")
    again = learner(station)
    again.collect(WORLD)
    assert samples(again) == {"tokyo": 24.0}


def test_evidence_fades(station: Station) -> None:
    """A half-life later the samples weigh half."""
    station.measure(JAPAN, tokyo=140.0)
    one = learner(station)
    one.collect(WORLD)
    station.clock.now += station.config.collect.half_life_hours * 3600
    assert samples(one) == {"tokyo": pytest.approx(12.0)}


def test_a_checkpoint_waits_for_its_share_of_time(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long is not done at each build; what is asked for at once is."""
    one = learner(station)
    station.measure(JAPAN, tokyo=140.0)
    one.collect(WORLD)
    path = station.config.state_dir / "windows.ckpt"
    monkeypatch.setattr(module, "CHECKPOINT_SHARE", 1e-9)
    one.checkpoint(at_once=False)
    path.unlink()
    one.checkpoint(at_once=False)
    assert not path.exists()
    one.checkpoint()
    assert path.exists()


def test_what_is_no_delta_is_told_and_left(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    """Damage on the way changes nothing."""
    bus = InProcess()
    one = Learner(station.config, bus, station.clock)
    bus.send(b"rubbish")
    one.read()
    assert one.deltas == {"damaged": 1}
    assert "delta.refused" in caplog.messages
