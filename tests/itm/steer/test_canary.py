"""A change on trial in the builder: a slice lives with it, what is measured there decides its fate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.measurement import Measurement
from collectors.network import Network
from collectors.places import PlaceTable, assemble, code_of, keys_of, square_of
from itm.config import Canary
from itm.routemap import current, snapshot
from itm.steer.builder import Builder
from itm.steer.explain import WhyQuestion
from itm.steer.explainer import Explainer
from itm.store import audit, canaries
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import COUNTRIES, JAPAN, LAT, LON, P50

COUNT = 200
SETTINGS = Canary(watch_seconds=120.0, least_places=10.0)
FAR = {"ams": 200.0}
"""A bias that sends the Netherlands over the Atlantic: 6 ms become 84."""


def many_places() -> PlaceTable:
    """200 Dutch places of one /24 each from 193.0.0.0 on, each an AS of its own; Japan weighs as one."""
    japan, first = Network.of(JAPAN).unit, Network.of("193.0.0.0").unit
    cell = np.concatenate([[0, 1], np.full(COUNT, 2)])
    asn = np.concatenate([[0, 2501], 3000 + np.arange(COUNT)])
    codes = np.array([code_of(country) for country in COUNTRIES])[cell]
    key = np.where(cell > 0, keys_of(codes, square_of(LAT, LON)[cell], asn), 0)
    runs = np.concatenate([[0, japan, japan + 1], first + np.arange(COUNT + 1)])
    of_run = np.concatenate([[0, 1, 0], 2 + np.arange(COUNT), [0]])
    offset = np.zeros((3, 2), dtype=np.uint8)
    return assemble(key.astype(np.uint64), offset, (runs, of_run), (np.zeros(1, int), np.zeros(1, int)))


class Trial:
    """A station with 200 places, everybody of whom measures all POPs each cycle."""

    def __init__(self, folder: Path, settings: Canary = SETTINGS) -> None:
        self.station = Station.at(folder, many_places(), settings)
        self.builder: Builder = self.station.builder()
        self.rng = np.random.default_rng(1)
        self.reached = dict.fromkeys(P50, 1.0)

    def live(self, files: dict[str, str]) -> None:
        """Make a catalog live, and let everybody measure under it."""
        self.station.apply(files, forced=True)
        self.builder.step()
        for _ in range(3):
            self.cycle()

    def begin(self, files: dict[str, str], share: float = 0.25, *, forced: bool = False) -> int:
        number = self.station.apply(files, forced=forced, canary_share=share)
        self.builder.step()
        return number

    def cycle(self) -> None:
        """One interval: four fetches of every place from every POP, behind a last mile of some ms."""
        batch = []
        for place in range(COUNT):
            network, last_mile = Network.of(f"193.0.{place}.1"), float(self.rng.exponential(4))
            for pop, p50 in P50.items():
                batch += [
                    Measurement(network, pop, *told, self.station.clock.now, "rum", client=1)
                    for _ in range(4)
                    for told in (
                        ("rtt_ms", p50[2] + last_mile + float(self.rng.exponential(2))),
                        ("availability", float(self.rng.random() < self.reached[pop])),
                    )
                ]
        self.station.write(batch)
        self.station.turn(self.builder)
        self.builder.step()

    def until_settled(self, number: int, cycles: int = 12) -> int:
        """Let cycles pass until the version is no canary any more; returns how many it took."""
        for cycle in range(cycles):
            if self.station.version(number).status != "canary":
                return cycle
            self.cycle()
        return cycles

    def answers(self) -> list[str]:
        """Return the POP that every place is answered."""
        version = self.station.live()
        assert version is not None
        routemap = snapshot.read(current.path_of(self.station.maps, version))
        first = [Network.of(f"193.0.{place}.1").unit for place in range(COUNT)]
        leaves = routemap.classes[0].v4.leaves_of(np.array(first))
        return [routemap.pops[routemap.order_of(0, int(leaf))[0]].id for leaf in leaves]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_a_harmful_change_hurts_the_slice_alone_and_is_rolled_back(trial: Trial) -> None:
    """A quarter is sent over the Atlantic; after the first evidence everybody is where they were."""
    trial.live(bundle())
    number = trial.begin(bundle(bias=FAR))
    assert trial.station.version(number).status == "canary"
    hurt = trial.answers()
    assert set(hurt) == {"ams", "ash"}
    assert 30 < hurt.count("ash") < 70
    assert trial.until_settled(number) <= 3
    version = trial.station.version(number)
    assert version.status == "refused"
    assert version.reason.startswith("rolled back: measured harm: round trips +")
    assert trial.answers() == ["ams"] * COUNT
    told = next(e for e in audit.history(trial.station.engine) if e.action == "canary.rolled_back")
    assert 70 < told.detail["measured"]["latency"]["estimate"] < 86
    (row,) = canaries.history(trial.station.engine)
    assert (row.fate, row.version, row.verdict["fate"]) == ("rolled back", number, "rolled back")
    assert not (trial.station.config.state_dir / "canary").exists()


def test_a_good_change_is_promoted_when_harm_is_excluded(trial: Trial) -> None:
    """The Netherlands come home from over the Atlantic: first a quarter, after the watch all."""
    trial.live(bundle(bias=FAR))
    assert trial.answers() == ["ash"] * COUNT
    number = trial.begin(bundle())
    before = trial.answers()
    assert 30 < before.count("ams") < 70
    assert 3 <= trial.until_settled(number) <= 8
    assert trial.station.version(number).status == "live"
    assert trial.station.version(1).status == "superseded"
    trial.cycle()
    assert trial.answers() == ["ams"] * COUNT


def test_availability_alone_is_harm(tmp_path: Path) -> None:
    """Nobody minds the Atlantic, but over there every fifth fetch fails."""
    trial = Trial(tmp_path, replace(SETTINGS, harm_ms=500.0))
    trial.reached["ash"] = 0.8
    trial.live(bundle())
    number = trial.begin(bundle(bias=FAR))
    trial.until_settled(number)
    assert trial.station.version(number).status == "refused"
    assert "availability -" in trial.station.version(number).reason


def test_a_restart_goes_on_with_the_trial(trial: Trial) -> None:
    """The slice, the map and what was measured are those of before; the verdict comes as without it."""
    trial.live(bundle())
    number = trial.begin(bundle(bias=FAR))
    before, version = trial.answers(), trial.station.live()
    trial.builder.close()
    trial.builder = trial.station.builder()
    trial.builder.step()
    assert (trial.answers(), trial.station.live()) == (before, version)
    assert trial.until_settled(number) <= 3
    assert trial.station.version(number).status == "refused"


def test_a_lost_watch_is_begun_anew(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    """Its files are gone or damaged: told, and the trial goes on with what is measured from now on."""
    trial.live(bundle())
    number = trial.begin(bundle(bias={"ams": 1.0}))
    trial.builder.close()
    (trial.station.config.state_dir / "canary" / "watch" / "since.ckpt").write_bytes(b"noise")
    trial.builder = trial.station.builder()
    trial.builder.step()
    assert "canary.watch_lost" in caplog.messages
    trial.until_settled(number)
    assert trial.station.version(number).status == "live"


@pytest.mark.parametrize(("wish", "status", "pop"), [("promote", "live", "ash"), ("abort", "refused", "ams")])
def test_a_person_decides(trial: Trial, wish: str, status: str, pop: str) -> None:
    """At once, whatever is measured; who it was stands beside it."""
    trial.live(bundle())
    number = trial.begin(bundle(bias=FAR))
    assert canaries.wish(trial.station.engine, wish, author="anna", now=1.0) is not None
    trial.builder.step()
    trial.builder.step()
    assert (trial.station.version(number).status, set(trial.answers())) == (status, {pop})
    assert "by anna" in trial.station.version(number).reason
    assert canaries.wish(trial.station.engine, wish, author="anna", now=2.0) is None


def test_why_tells_the_world_that_decided(trial: Trial) -> None:
    """Inside the slice by the change, outside by the live catalog; both agree with the map."""
    trial.live(bundle())
    number = trial.begin(bundle(bias=FAR))
    answers = trial.answers()
    explainer = Explainer(trial.station.config, trial.station.engine)
    for pop in ("ams", "ash"):
        place = answers.index(pop)
        story = explainer.explain(WhyQuestion("gw.example.net", f"193.0.{place}.1"))
        assert story["answer"]["pop"] == pop
        assert story["canary"] == {
            "catalog_version": number, "share": 0.25, "seed": number, "decided": pop == "ash"
        }  # fmt: skip
        assert story["map"]["catalog_version"] == 1


def test_pops_may_come_and_go(trial: Trial) -> None:
    """Without Amsterdam the slice goes to Washington; with Osaka new, both catalogs' POPs are in the map."""
    trial.live(bundle(("tokyo", "ams", "ash")))
    number = trial.begin(bundle(("ash", "osaka", "tokyo")))
    assert set(trial.answers()) == {"ams", "ash"}
    canaries.wish(trial.station.engine, "promote", author="anna", now=1.0)
    trial.builder.step()
    trial.builder.step()
    assert trial.station.version(number).status == "live"
    assert trial.answers() == ["ash"] * COUNT


def test_what_the_slice_would_suffer_is_judged_first(trial: Trial) -> None:
    """Half of all moved is more than 30 %: refused without a trial, unless it is forced."""
    trial.live(bundle())
    number = trial.begin(bundle(bias=FAR), 0.5)
    assert trial.station.version(number).status == "refused"
    assert (
        "of demand would change its POP within the slice (limit 30%)" in trial.station.version(number).reason
    )
    assert trial.answers() == ["ams"] * COUNT
    assert trial.station.version(trial.begin(bundle(bias=FAR), 0.5, forced=True)).status == "canary"


def test_another_change_waits_for_the_end_of_a_trial(trial: Trial) -> None:
    """It is refused, with what to do."""
    trial.live(bundle())
    first = trial.begin(bundle(bias=FAR))
    second = trial.begin(bundle())
    reason = trial.station.version(second).reason
    assert reason == f"version {first} is a canary: promote or abort it first"
    assert trial.station.version(first).status == "canary"


def test_the_first_catalog_goes_live_at_once(trial: Trial) -> None:
    """There is nobody whom it could be compared with."""
    number = trial.begin(bundle())
    assert trial.station.version(number).status == "live"


def test_the_builder_reports_it(trial: Trial) -> None:
    """Share, seed and the last verdict with its numbers."""
    trial.live(bundle())
    number = trial.begin(bundle(bias={"ams": 1.0}))
    report: dict[str, Any] = json.loads((trial.station.config.state_dir / "builder.json").read_text())
    assert report["canary"]["version"] == report["canary"]["seed"] == number
    assert report["canary"]["verdict"]["fate"] == "watching"


def nothing_steered() -> dict[str, str]:
    """A catalog of POPs and a zone alone."""
    files = bundle()
    return {**files, "catalog.yaml": files["catalog.yaml"].split("services:")[0]}


def test_beside_no_service_a_change_goes_live_at_once(tmp_path: Path) -> None:
    """A live catalog of zones alone has nobody who could stay with it."""
    station = Station.at(tmp_path)
    builder = station.builder()
    for files, share in ((nothing_steered(), None), (bundle(), 0.25)):
        number = station.apply(files, canary_share=share)
        builder.step()
        assert station.version(number).status == "live"


@pytest.mark.parametrize("files", [nothing_steered(), bundle(services="  other.example.net.: {}")])
def test_a_canary_takes_no_service_away(tmp_path: Path, files: dict[str, str]) -> None:
    """Refused with its name; one that an earlier release let begin ends when the builder starts."""
    reason = "catalog.yaml: services: expected gw.example.net., which is live: a canary takes no service away"
    station = Station.at(tmp_path)
    builder = station.builder()
    station.apply(bundle())
    builder.step()
    number = station.apply(files, forced=True, canary_share=0.25)
    builder.step()
    assert (station.version(number).status, station.version(number).reason) == ("refused", reason)
    begun = station.apply(files, canary_share=0.25)
    canaries.begin(station.engine, canaries.Canary.asked(begun, 0.25, 1), {}, now=station.clock.now)
    station.turn(station.builder())
    version = station.version(begun)
    assert (version.status, version.reason) == ("refused", f"rolled back: {reason}")
