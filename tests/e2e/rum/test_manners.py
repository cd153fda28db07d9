"""rum.js in a real Chromium: what keeps it from measuring, and from blaming a POP for what the page did."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.e2e.gateway.browser import Browser
from tests.e2e.rum.collector import AT_ONCE, Collector
from tests.e2e.rum.pops import Pops
from tests.e2e.rum.session import finished, metrics, sent, steps
from tests.programs import wait_until

pytestmark = pytest.mark.long

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } });"
GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });"
OFFLINE = "Object.defineProperty(navigator, 'onLine', { value: false });"
OLD = "AbortSignal.timeout = undefined;"
IN_ORDER = "let drawn = 0; Math.random = () => (drawn += 1) / 1000;"


@contextlib.contextmanager
def another_tab(browser: Browser) -> Iterator[None]:
    """Bring another tab to the front: the page is hidden."""
    page = browser._call("GET", "/window")
    other = browser._call("POST", "/window/new", {"type": "tab"})["handle"]
    browser._call("POST", "/window", {"handle": other})
    try:
        yield
    finally:
        browser._call("DELETE", "/window")
        browser._call("POST", "/window", {"handle": page})


def test_a_hidden_page_waits(browser: Browser, collector: Collector, pops: Pops) -> None:
    """Whatever time has passed; it measures when it is seen."""
    collector.plan = pops.plan("near")
    browser.open(collector.page(before=""))
    with another_tab(browser):
        time.sleep(2.5)
        assert collector.sessions == []
    finished(browser)
    assert metrics(sent(collector), "near")["availability"] == 1


def probing(browser: Browser, pop: str) -> bool:
    """Whether the script is at this POP now."""
    return any(e["step"] == "probe" and e["pop"] == pop for e in steps(browser)[-1:])


def test_a_page_that_is_hidden(browser: Browser, collector: Collector, pops: Pops) -> None:
    """What was measured is sent at once; the probe that was under way says nothing, and no other follows."""
    collector.plan = pops.plan("near", "hanging", "middle")
    browser.open(collector.page(before=AT_ONCE + IN_ORDER))
    wait_until(lambda: probing(browser, "hanging"), 20, "a probe")
    with another_tab(browser):
        assert {item["pop"] for item in sent(collector)} == {"near"}
    events = finished(browser)
    assert [e["pop"] for e in events if e["step"] in ("probe", "result")] == ["near", "near", "hanging"]
    assert len(collector.beacons) == 1


def test_a_page_that_is_left(browser: Browser, collector: Collector, pops: Pops) -> None:
    """By a link: what was measured is sent, and the POP whose probe was cut off is not blamed."""
    collector.plan = pops.plan("near", "hanging")
    browser.open(collector.page(before=AT_ONCE + IN_ORDER))
    wait_until(lambda: probing(browser, "hanging"), 20, "a probe")
    browser.open("about:blank")
    assert {item["pop"] for item in sent(collector)} == {"near"}


@pytest.mark.parametrize(
    ("why", "attributes", "before"),
    [
        ("gpc", "", GPC),
        ("sample", 'data-sample="0"', ""),
        ("sample", 'data-sample="0.3"', "Math.random = () => 0.3;"),
        ("attribute", 'data-sample="10%"', ""),
        ("attribute", 'data-gap-minutes="-1"', ""),
        ("storage", "", NO_STORAGE),
        ("fault", 'data-gap-minutes="0"', OLD),
    ],
)
def test_no_session(
    browser: Browser, collector: Collector, pops: Pops, why: str, attributes: str, before: str
) -> None:
    """Nothing is asked for, sent or kept; the page's own event says why."""
    collector.plan = pops.plan("near")
    browser.open(collector.page(attributes, AT_ONCE + before))
    assert [(e["step"], e["why"]) for e in finished(browser)] == [("none", why)]
    assert (collector.sessions, collector.beacons) == ([], [])
    if before != NO_STORAGE:
        assert browser.script("return Object.keys(localStorage)") == []


def test_the_gap_between_sessions(browser: Browser, collector: Collector) -> None:
    """Ten minutes, also after a 204; kept as a bare minute. A clock that was put back does not end it all."""
    collector.plan = None
    page, minute = collector.page(""), "Math.floor(Date.now() / 60000)"
    browser.open(page)
    assert [e["why"] for e in finished(browser)] == ["server"]
    assert browser.script("return Object.keys(localStorage)") == ["itm-rum-minute"]
    assert browser.script(f"return {minute} - localStorage['itm-rum-minute']") in (0, 1)
    for kept, why in ((f"{minute} - 8", "gap"), (f"{minute} - 10", "server"), (f"{minute} + 9", "server"),
                      ("'rubbish'", "server")):  # fmt: skip
        browser.script(f"localStorage['itm-rum-minute'] = {kept}")
        collector.sessions.clear()
        browser.open(page)
        assert [e["why"] for e in finished(browser)] == [why], kept
        assert len(collector.sessions) == (why == "server")


@pytest.mark.parametrize(
    ("before", "policy"),
    [(OFFLINE, ""), ("", "connect-src http://127.0.0.1:{port}; script-src 'unsafe-inline' *")],
    ids=["offline", "policy"],
)
def test_what_is_not_the_pops_doing(
    browser: Browser, collector: Collector, pops: Pops, before: str, policy: str
) -> None:
    """A browser that is offline, a page whose policy forbids the fetch: neither says that a POP is down."""
    collector.plan = pops.plan("dead")
    browser.open(collector.page(before=AT_ONCE + before, policy=policy.format(port=collector.port)))
    events = finished(browser)
    assert [e["items"] for e in events if e["step"] == "result"] == [[]]
    assert (len(collector.sessions), collector.beacons) == (1, [])


def test_a_plan_that_is_none(browser: Browser, collector: Collector) -> None:
    """Nothing is thrown at the page."""
    collector.plan = {"probes": 7}
    browser.open(collector.page())
    assert [e["why"] for e in finished(browser)] == ["fault"]
