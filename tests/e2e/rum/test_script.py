"""rum.js in a real Chromium: what it measures against POPs at known distances, and what it sends."""

from __future__ import annotations

import json
import statistics

import pytest

from tests.e2e.gateway.browser import Browser
from tests.e2e.rum.collector import AT_ONCE, Collector
from tests.e2e.rum.pops import HOSTS, RTT_MS, SHY_MS, Pops
from tests.e2e.rum.session import finished, metrics, sent
from tests.programs import wait_until

pytestmark = pytest.mark.long

SAVING = "Object.defineProperty(NetworkInformation.prototype, 'saveData', { get: () => true });"
FULL = "performance.setResourceTimingBufferSize(0);"


def fetched(browser: Browser, host: str) -> list[str]:
    """Return the URLs that the page fetched of a host."""
    found: list[str] = browser.script("return performance.getEntriesByType('resource').map(e => e.name)")
    return [url for url in found if f"//{host}:" in url]


def test_one_session(browser: Browser, collector: Collector, pops: Pops) -> None:
    """It begins 2 s after load; one beacon, text/plain, has all items with their tokens; nothing is kept.

    The page's policy allows what docs/rum.md says.
    """
    collector.plan = pops.plan("near", "far", resolver=f"http://127.0.0.1:{collector.port}/lookup?me")
    here, there = (
        f"http://127.0.0.1:{collector.port}",
        " ".join(pops.url(pop) for pop in ("near", "far")),
    )
    policy = f"script-src 'unsafe-inline' {here}; connect-src {here} {there}"
    tag = 'data-gap-minutes="0" data-service="gw.example.net"'
    browser.open(collector.page(tag, before="", policy=policy))
    events = finished(browser)
    loaded = browser.script("return performance.getEntriesByType('navigation')[0].loadEventStart")
    assert 2000 <= next(s["at"] for s in events if s["step"] == "plan") - loaded <= 8000
    items = sent(collector)
    assert [item for item in items if item["token"] != f"token-of-{item['pop']}"] == []
    for pop in ("near", "far"):
        assert set(metrics(items, pop)) == {"availability", "connect_ms", "rtt_ms"}
        assert metrics(items, pop)["availability"] == 1
        assert len(set(fetched(browser, HOSTS[pop]))) == 3
    assert [item for item in items if item.get("coarse")] == []
    (session,), (beacon,) = collector.sessions, collector.beacons
    assert json.loads(session.text) == {"service": "gw.example.net"}
    assert beacon.headers["Content-Type"] == "text/plain;charset=UTF-8"
    for request in (session, beacon):
        assert request.headers["Origin"] == browser.script("return origin")
        assert "Cookie" not in request.headers
    wait_until(lambda: collector.looked_up == ["me"], 10, "the resolver's lookup")
    assert browser.cookies() == []
    assert browser.script("return Object.keys(localStorage)") == []


def test_differences_are_those_of_the_network(browser: Browser, collector: Collector, pops: Pops) -> None:
    """Medians of several sessions show the injected differences, within 2 ms or 10 %.

    TCP and TLS 1.3 shake hands in two round trips. Without Timing-Allow-Origin there are no phases, and the
    round trip is a timer's, and says so.
    """
    collector.plan = pops.plan("near", "middle", "far", "shy")
    seen: dict[tuple[str, str], list[float]] = {}
    for _ in range(9):
        browser.open(collector.page())
        finished(browser)
        for item in sent(collector):
            seen.setdefault((item["pop"], item["metric"]), []).append(item["value"])
            assert item.get("coarse", False) == ((item["pop"], item["metric"]) == ("shy", "rtt_ms"))
    medians = {cell: statistics.median(values) for cell, values in seen.items()}
    for metric, trips in (("rtt_ms", 1), ("connect_ms", 2)):
        for nearer, farther in (("near", "middle"), ("middle", "far"), ("near", "far")):
            injected = trips * (RTT_MS[farther] - RTT_MS[nearer])
            measured = medians[farther, metric] - medians[nearer, metric]
            assert abs(measured - injected) <= max(2, 0.1 * injected), (nearer, farther, medians)
    assert SHY_MS <= medians["shy", "rtt_ms"] <= SHY_MS + 20
    assert ("shy", "connect_ms") not in seen


def test_failures_are_failures(browser: Browser, collector: Collector, pops: Pops) -> None:
    """Dead, hanging past 4 s, broken: availability 0 and nothing else after one fetch; the others go on."""
    collector.plan = pops.plan("dead", "hanging", "near")
    broken = {"pop": "broken", "url": f"http://127.0.0.1:{collector.port}/broken", "token": "token"}
    collector.plan["probes"].append(broken)
    browser.open(collector.page())
    events = finished(browser)
    items = sent(collector)
    for pop in ("dead", "hanging", "broken"):
        assert metrics(items, pop) == {"availability": 0}
    assert metrics(items, "near")["availability"] == 1
    assert len(fetched(browser, HOSTS["dead"])) == 1
    at = {s["step"]: s["at"] for s in events if s.get("pop") == "hanging"}
    assert 4000 <= at["result"] - at["probe"] <= 8000


def test_throughput(browser: Browser, collector: Collector, pops: Pops) -> None:
    """Of the large object, when the plan names it; also when the page's buffer of timings is full."""
    collector.plan = pops.plan("near", "far", "shy", large=True)
    browser.open(collector.page(before=AT_ONCE + FULL))
    finished(browser)
    items = sent(collector)
    kbps = {pop: metrics(items, pop)["throughput_kbps"] for pop in ("near", "far", "shy")}
    assert kbps["far"] < 102_400 * 8 / RTT_MS["far"] < kbps["near"] < 102_400 * 8 / RTT_MS["near"]
    assert {i["pop"] for i in items if i.get("coarse")} == {"shy"}
    assert len([i for i in items if i.get("coarse")]) == 2


def test_save_data(browser: Browser, collector: Collector, pops: Pops) -> None:
    """Nobody's quota is spent on throughput."""
    collector.plan = pops.plan("near", large=True)
    browser.open(collector.page(before=AT_ONCE + SAVING))
    finished(browser)
    assert set(metrics(sent(collector), "near")) == {"availability", "connect_ms", "rtt_ms"}
    assert len(fetched(browser, HOSTS["near"])) == 3


@pytest.mark.parametrize("beacon", ["() => false", "undefined"])
def test_without_send_beacon(browser: Browser, collector: Collector, pops: Pops, beacon: str) -> None:
    """A fetch that outlives the page sends the same."""
    collector.plan = pops.plan("near")
    browser.open(collector.page(before=f"{AT_ONCE} navigator.sendBeacon = {beacon};"))
    finished(browser)
    assert metrics(sent(collector), "near")["availability"] == 1
    assert collector.beacons[0].headers["Content-Type"] == "text/plain;charset=UTF-8"
