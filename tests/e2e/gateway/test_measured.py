"""A browser measures a running POP: what its client port serves is all that the script needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.gateway.browser import chromium
from tests.e2e.gateway.stack import Stack
from tests.e2e.rum.collector import collecting
from tests.e2e.rum.session import finished, metrics, sent

pytestmark = pytest.mark.long


def test_a_pop_is_measured_at_its_client_port(stack: Stack, tmp_path: Path) -> None:
    """Every metric, by the browser's own clock: over TLS, from another origin, with all phases told."""
    base = f"https://localhost:{stack.ports['pop-a']}/probe/v1"
    probe = {"pop": "pop-a", "url": f"{base}/r.gif", "large_url": f"{base}/l.bin", "token": "token"}
    with collecting() as collector, chromium(tmp_path, stack.ca) as browser:
        collector.plan = {"resolver": None, "probes": [probe]}
        browser.open(collector.page())
        finished(browser)
        items = sent(collector)
    found = metrics(items, "pop-a")
    assert found.keys() == {"availability", "connect_ms", "rtt_ms", "throughput_kbps"}
    assert found["availability"] == 1
    assert [item for item in items if "coarse" in item] == []
