from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from collectors.network import Network
from itm.routemap import current, snapshot
from itm.steer import inputs as inputs_file
from itm.steer.builder import Builder
from itm.steer.explain import WhyQuestion
from itm.steer.explainer import Explainer
from itm.store import pins
from tests.itm.steer.crowds import crowd, table
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN

TWO_CLASSES = """  a.example.net.:
    pools: {us: {values: [{value: ash}]}}
    rules: [{pool: us}]
  gw.example.net.: {}"""


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


def started(station: Station) -> Builder:
    """A builder with the whole world live as map 1."""
    station.apply(bundle())
    builder = station.builder()
    builder.step()
    assert station.live() == 1
    return builder


def moved(station: Station) -> Builder:
    """A builder that has learned that one Japanese network is better off with Osaka."""
    builder = started(station)
    station.measure(JAPAN, tokyo=140.0, osaka=13.0)
    station.turn(builder, 3)
    assert station.answer(JAPAN) == "osaka"
    return builder


def report(station: Station) -> dict[str, object]:
    found: dict[str, object] = json.loads((station.config.state_dir / "builder.json").read_text())
    return found


def test_without_a_catalog_nothing_is_published(station: Station) -> None:
    """A server that nobody has given a catalog waits."""
    builder = station.builder()
    station.turn(builder, 2)
    assert station.live() is None


def test_a_pending_catalog_goes_live(station: Station) -> None:
    """The first one is a map at once; the store has its plan, the report its numbers."""
    started(station)
    assert [station.answer(a) for a in (JAPAN, DUTCH, AMERICA)] == ["tokyo", "ams", "ash"]
    assert station.version(1).status == "live"
    assert json.loads(station.version(1).plan_json)["class 0"]["moved_share"] == 0
    assert report(station)["map_version"] == 1
    assert report(station)["rows"] == 4


def test_nothing_changed_is_no_new_version(station: Station) -> None:
    """The interval passes, a build is made, the map stays."""
    builder = started(station)
    station.turn(builder, 3)
    assert report(station)["builds"] == 4
    assert current.versions(station.maps) == [1]


def test_a_build_waits_for_its_time(station: Station) -> None:
    """Between two intervals turns only read."""
    builder = started(station)
    for _ in range(5):
        station.clock.now += 1
        builder.step()
    assert report(station)["builds"] == 1


def test_a_build_does_not_wait_for_a_clock_that_was_set_back(station: Station) -> None:
    """It ran a year ahead; that is no reason to build nothing for a year."""
    builder, right = started(station), station.clock.now
    station.clock.now += 365 * 86_400
    builder.step()
    station.clock.now = right
    before = report(station)["builds"]
    builder.step()
    builder.step()
    assert report(station)["builds"] == before + 1  # type: ignore[operator]


def test_measurements_change_an_answer_after_two_builds(station: Station) -> None:
    """One /24 moves, its neighbours stay; the map says so in a new version that can be explained."""
    builder = started(station)
    station.measure(JAPAN, tokyo=140.0, osaka=13.0)
    station.turn(builder)
    assert station.answer(JAPAN) == "tokyo"
    station.turn(builder)
    assert [station.answer(a) for a in (JAPAN, "133.11.1.1")] == ["osaka", "tokyo"]
    assert current.versions(station.maps) == [1, 2, 3][: len(current.versions(station.maps))]
    assert report(station)["counted"] == 48
    story = Explainer(station.config, station.engine).explain(WhyQuestion("gw.example.net", JAPAN))
    assert (story["answer"]["pop"], story["row"]) == ("osaka", "network")


def test_an_unsafe_change_is_refused_with_the_numbers(station: Station) -> None:
    """Taking Tokyo away moves a third of demand: too much without force, and nothing changes."""
    builder = started(station)
    number = station.apply(bundle(("osaka", "ams", "ash")))
    builder.step()
    refused = station.version(number)
    assert refused.status == "refused"
    assert "33.3% of demand would change its POP (limit 30%" in refused.reason
    assert json.loads(refused.plan_json)["class 0"]["mandatory_share"] == pytest.approx(1 / 3)
    assert (station.live(), station.version(1).status) == (1, "live")
    station.turn(builder)
    assert station.answer(JAPAN) == "tokyo"


def test_force_does_it_and_is_recorded(station: Station) -> None:
    """The same change with force goes live at once, whatever the limits, and the store says how."""
    builder = started(station)
    number = station.apply(bundle(("osaka", "ams", "ash")), forced=True)
    builder.step()
    assert (station.version(number).status, station.version(number).forced) == ("live", True)
    assert json.loads(station.version(number).plan_json)["class 0"]["moved_share"] == pytest.approx(1 / 3)
    assert [station.answer(a) for a in (JAPAN, DUTCH, AMERICA)] == ["osaka", "ams", "ash"]


def test_a_catalog_that_no_longer_loads_is_refused(station: Station) -> None:
    """What an earlier release took must not keep this one from building."""
    builder = started(station)
    number = station.apply({"catalog.yaml": "pops: {}\n"})
    station.turn(builder)
    assert station.version(number).status == "refused"
    assert "expected at least one POP" in station.version(number).reason
    assert report(station)["builds"] == 2


def test_while_a_map_is_pinned_nothing_is_published(station: Station) -> None:
    """However much was learned; it is kept all the same, and once unpinned it is acted upon."""
    builder = started(station)
    pins.set(station.engine, 1, author="ops", now=1.0)
    station.measure(JAPAN, tokyo=140.0, osaka=13.0)
    (station.config.state_dir / "windows.ckpt").unlink()
    station.turn(builder, 3)
    assert (station.live(), current.versions(station.maps)) == (1, [1])
    assert (station.config.state_dir / "windows.ckpt").exists()
    again = station.builder()
    pins.set(station.engine, None, author="ops", now=1.0)
    station.turn(again, 2)
    assert station.answer(JAPAN) == "osaka"


def test_a_catalog_settled_under_a_pin_waits_behind_it(station: Station) -> None:
    """A person's change is judged and written; answers stay with the pinned map until it is let go."""
    builder = started(station)
    pins.set(station.engine, 1, author="ops", now=1.0)
    number = station.apply(bundle(bias={"ams": 1.0}))
    builder.step()
    assert station.version(number).status == "live"
    assert (station.live(), current.versions(station.maps)) == (1, [1, 2])
    pins.set(station.engine, None, author="ops", now=2.0)
    current.publish(station.maps, 2)
    station.turn(builder)
    assert (station.live(), current.versions(station.maps)) == (2, [1, 2])


def test_the_live_map_is_what_a_build_is_compared_with(station: Station) -> None:
    """Where somebody else went back to an older map and let it go, the builder's view is published again."""
    builder = moved(station)
    newest = station.live()
    current.publish(station.maps, 1)
    station.turn(builder)
    assert newest is not None
    assert station.live() == newest + 1
    assert station.answer(JAPAN) == "osaka"


def test_a_restart_finds_what_was_served(station: Station) -> None:
    """Memory, windows and map are on disk: the same answers, and no new version."""
    builder = moved(station)
    builder.close()
    before = station.live()
    again = station.builder()
    station.turn(again, 2)
    assert station.live() == before
    assert station.answer(JAPAN) == "osaka"


def test_a_catalog_that_waits_at_a_restart_is_judged_with_what_was_learned(station: Station) -> None:
    """The first thing a new process settles has the evidence of the old one."""
    moved(station).close()
    station.apply(bundle(bias={"ams": 1.0}))
    again = station.builder()
    again.step()
    assert station.version(2).status == "live"
    assert station.answer(JAPAN) == "osaka"


@pytest.mark.parametrize("left", [0, 200])
def test_an_unreadable_live_map_is_replaced(
    station: Station, left: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and the next build publishes under a number that was never given."""
    started(station)
    path = current.path_of(station.maps, 1)
    path.write_bytes(path.read_bytes()[:left])
    with caplog.at_level(logging.WARNING):
        station.turn(station.builder())
    assert "map.unreadable" in caplog.messages
    assert station.live() == 2
    assert station.answer(JAPAN) == "tokyo"


def test_a_lost_pointer_is_written_again(station: Station) -> None:
    """The newest map is what is served without it: the same answers need no new version."""
    builder = started(station)
    pointer = station.maps / current.POINTER
    for text in ("", "rubbish"):
        pointer.write_text(text)
        assert builder.is_serving
        station.turn(builder)
        assert (station.live(), current.versions(station.maps)) == (1, [1])


def test_a_version_number_is_never_given_twice(station: Station) -> None:
    """Also where the maps are gone and only the pointer is left."""
    started(station)
    current.path_of(station.maps, 1).unlink()
    station.turn(station.builder())
    assert station.live() == 2


def test_services_keep_what_they_served_when_classes_change_places(station: Station) -> None:
    """A service named before another one takes its class number, not its clients' POPs."""
    builder = moved(station)
    number = station.apply(bundle(services=TWO_CLASSES))
    builder.step()
    assert station.version(number).status == "live"
    plans = json.loads(station.version(number).plan_json)
    assert [plans[f"class {i}"]["moved_share"] for i in range(2)] == [0, 0]
    explainer = Explainer(station.config, station.engine)
    assert explainer.explain(WhyQuestion("gw.example.net", JAPAN))["answer"]["pop"] == "osaka"
    assert explainer.explain(WhyQuestion("a.example.net", JAPAN))["answer"]["pop"] == "ash"


def test_new_places_make_a_new_version_though_no_answer_changes(station: Station) -> None:
    """`why` tells a map from the places it was made from, and only the newest are at hand."""
    builder = moved(station)
    before = station.live()
    station.replace_places()
    builder.step()
    assert before is not None
    assert station.live() == before + 1
    explained = Explainer(station.config, station.engine).explain(WhyQuestion("gw.example.net", JAPAN))
    assert explained["answer"]["pop"] == "osaka"
    station.turn(builder)
    assert station.live() == before + 1


def test_the_limiter_publishes_a_part_and_says_so(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    """Two thirds of demand want to move, half may: the larger gain moves now, the other the next time."""
    builder = started(station)
    for third in range(8):
        station.measure(f"133.11.{third}.1", tokyo=180.0, osaka=13.0)
        station.measure(f"193.0.{third}.1", ams=140.0, ash=90.0)
    with caplog.at_level(logging.WARNING):
        station.turn(builder, 2)
    assert "plan.limited" in caplog.messages
    assert [station.answer(a) for a in ("133.11.200.1", "193.0.200.1")] == ["osaka", "ams"]
    explainer = Explainer(station.config, station.engine)
    assert explainer.explain(WhyQuestion("gw.example.net", "193.0.200.1"))["answer"]["pop"] == "ams"
    station.turn(builder)
    assert [station.answer(a) for a in ("133.11.200.1", "193.0.200.1")] == ["osaka", "ash"]


def test_old_maps_are_forgotten_with_their_inputs(station: Station) -> None:
    """`keep_maps` of them stay, each with what explains it."""
    builder = started(station)
    for bias in range(1, 8):
        station.apply(bundle(bias={"ams": float(bias)}))
        builder.step()
    kept = current.versions(station.maps)
    assert kept == [4, 5, 6, 7, 8]
    assert [inputs_file.load(station.maps, v).catalog_version for v in kept] == kept


def test_nothing_is_served_before_the_first_map(station: Station) -> None:
    """Until a map is live the builder has nobody to give way to."""
    builder = station.builder()
    assert not builder.is_serving
    station.apply(bundle())
    builder.step()
    assert builder.is_serving


def test_resolvers_are_decided_by_the_clientele(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    """The file that the edge keeps makes rows in the map, survives damage, and is told in the report."""
    station.apply(bundle())
    builder = station.builder()
    station.turn(builder)
    clientele = station.config.state_dir / "clientele.ckpt"
    rows = crowd(DUTCH, {"133.11": 4})
    found = table(*rows)
    found.write(clientele)
    station.turn(builder, 2)
    network = Network.of(DUTCH)
    assert served_to_resolver(station, network) == "tokyo"
    clientele.write_bytes(b"noise")
    station.turn(builder, 2)
    assert caplog.text.count("clientele.unusable") == 1
    assert served_to_resolver(station, network) == "tokyo"
    assert station.answer(DUTCH) == "ams"
    assert json.loads((station.config.state_dir / "builder.json").read_text())["resolvers"] == 1
    station.clock.now += 12 * 86_400  # nobody is seen any more: it is answered by where it is again
    station.turn(builder)
    assert served_to_resolver(station, network) is None


def served_to_resolver(station: Station, network: Network) -> str | None:
    version = station.live()
    assert version is not None
    routemap = snapshot.read(current.path_of(station.maps, version))
    leaf = routemap.classes[0].resolver_leaf(network.family, network.unit)
    return None if leaf is None else routemap.pops[routemap.order_of(0, leaf)[0]].id


def test_a_change_is_judged_by_what_it_comes_to(station: Station) -> None:
    """A bias moves nobody in its first build, and a third of demand in its second: refused all the same."""
    started(station)
    number = station.apply(bundle(bias={"ams": 200.0}))
    station.builder().step()
    refused = station.version(number)
    assert (refused.status, "33.3% of demand would change its POP" in refused.reason) == ("refused", True)
    assert json.loads(refused.plan_json)["class 0"]["load"]["ash"] == pytest.approx(2 / 3, abs=1e-5)
