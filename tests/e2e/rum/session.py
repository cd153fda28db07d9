"""One session of the script, as the page's events and the collector's beacons tell it."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.gateway.browser import Browser
from tests.e2e.rum.collector import Collector
from tests.programs import wait_until

SECONDS: Final = 20


def steps(browser: Browser) -> list[dict[str, Any]]:
    """Return the events of the page so far."""
    found: list[dict[str, Any]] = browser.script("return window.steps ?? []")
    return found


def finished(browser: Browser) -> list[dict[str, Any]]:
    """Wait for the end of the session; return its events. Nothing may have been thrown at the page."""
    wait_until(lambda: any(s["step"] in ("end", "none") for s in steps(browser)), SECONDS, "the end")
    assert browser.script("return faults") == []
    return steps(browser)


def sent(collector: Collector) -> list[dict[str, Any]]:
    """Wait for the one beacon; return its items."""
    wait_until(lambda: len(collector.beacons) > 0, SECONDS, "a beacon")
    (beacon,) = collector.beacons
    return beacon.items


def metrics(items: list[dict[str, Any]], pop: str) -> dict[str, float]:
    """Return what was measured of one POP."""
    return {item["metric"]: item["value"] for item in items if item["pop"] == pop}
