"""The page that shows a visitor their own results, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.gateway.browser import Browser
from tests.e2e.rum.collector import Collector
from tests.e2e.rum.pops import Pops
from tests.programs import wait_until

pytestmark = pytest.mark.long


def shown(browser: Browser) -> list[str]:
    """Return what the rows say, each on one line."""
    return [" ".join(row.text.split()) for row in browser.all(".pop")]


def is_over(browser: Browser) -> bool:
    return bool(browser.script("return !document.querySelector('#again').disabled"))


def emulate(browser: Browser, **screen: Any) -> None:
    command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": screen}
    browser._call("POST", "/goog/cdp/execute", command)


def test_a_visitor_sees_their_own_results(browser: Browser, collector: Collector, pops: Pops) -> None:
    """Each POP: why it is measured, round trip, connect, throughput, coarse or not; then what it comes to.

    They may ask again, and are told when there is nothing to measure.
    On a phone, and dark for whoever prefers it, nothing sticks out; nothing is refused by the page's policy.
    """
    collector.page()
    collector.plan = pops.plan("near", "middle", "shy", "dead", large=True)
    collector.plan["probes"][1]["large_url"] = None
    browser.prefer("dark")
    emulate(browser, width=360, height=740, deviceScaleFactor=1, mobile=True)
    try:
        browser.open(f"http://127.0.0.1:{collector.port}/rum/v1/demo?service=gw.example.net")
        browser.add_cookie({"name": "somebody", "value": "else"})
        browser.script(
            "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(1))"
        )
        assert browser.text("#status").startswith("Waiting two seconds")
        wait_until(lambda: is_over(browser), 20, "the end")
        assert browser.script("return document.documentElement.scrollWidth") <= 360
        ground = browser.script("return getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(16, 20, 31)"
        assert browser.script("return refused") == []
    finally:
        browser.prefer("light")
        browser._call(
            "POST", "/goog/cdp/execute", {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}}
        )
    near, middle, shy, dead = shown(browser)
    assert near.startswith("near predicted best 1")
    for part in (" ms ", "Connect ", "Throughput "):
        assert part in near
    assert middle.startswith("middle serves you now 4")
    assert "Throughput" not in middle
    assert shy.startswith("shy explored by a coarse timer 3")
    assert dead.startswith("dead explored not reached")
    assert browser.text("#status").endswith("ms nearer than middle, which serves you now.")
    assert collector.sessions[0].text == '{"service":"gw.example.net"}'
    assert "Cookie" not in collector.sessions[0].headers
    collector.plan = None
    browser.one("#again").click()
    wait_until(lambda: len(collector.sessions) == 2 and is_over(browser), 20, "the second session")
    assert browser.text("#status").startswith("There is nothing to measure now")
