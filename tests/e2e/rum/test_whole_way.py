"""From a page to the journal: the script, the session and the beacon of a real server, the demo's POPs."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.journal import JournalReader
from collectors.measurement import METRICS
from collectors.network import Network
from tests.e2e.conftest import StartServer
from tests.e2e.gateway.browser import Browser
from tests.e2e.rum.collector import Collector
from tests.e2e.rum.session import finished, steps
from tests.e2e.serving import Server, free_ports
from tests.gateway.certificates import Certificates
from tests.programs import wait_until

pytestmark = pytest.mark.long


def metrics(server: Server) -> dict[str, float]:
    """Return what the server counts, zeros left out."""
    with urllib.request.urlopen(f"http://{server.ops}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = {name: float(value) for name, value in re.findall(r"^(itm_\S+) (\S+)$", text, re.M)}
    return {name: value for name, value in found.items() if value}


def recorded(journal: Path) -> Iterator[tuple[str, str, str, float]]:
    """Return network, POP, metric and value of each record."""
    for record in JournalReader(journal).read():
        network = Network(int(record["family"]), int(record["unit"]))
        yield str(network), record["pop"].decode(), METRICS[record["metric"]], float(record["value"])


def is_planned(browser: Browser, page: str) -> bool:
    """Visit the page; say whether it got something to measure."""
    browser.open(page)
    return [event for event in finished(browser) if event["step"] == "none"] == []


def seem_a_person(browser: Browser) -> None:
    """Send the User-Agent of a Chromium with a window: robots' measurements need not count."""
    agent = browser.script("return navigator.userAgent").replace("Headless", "")
    command = {"cmd": "Emulation.setUserAgentOverride", "params": {"userAgent": agent}}
    browser._call("POST", "/goog/cdp/execute", command)


def test_from_a_page_to_the_journal(
    start: StartServer, browser: Browser, collector: Collector, certificates: Certificates, tmp_path: Path
) -> None:
    """What the page says it sent is what the journal has, and nothing was refused.

    A page over HTTPS takes no POP without it.
    """
    (port,) = free_ports(1)
    pem = certificates.server("public.pem", names=("localhost",))
    server = start(public__tls_listen=f"127.0.0.1:{port}", public__tls_certificate=str(pem))
    seem_a_person(browser)
    page = collector.page('data-gap-minutes="0" data-service="gw.example.net"', server=server.public)
    wait_until(lambda: is_planned(browser, page), 30, "a plan")  # the edge takes the first map up in its turn
    events = steps(browser)
    planned = next(e["probes"] for e in events if e["step"] == "plan")
    results = {
        e["pop"]: {i["metric"]: i["value"] for i in e["items"]} for e in events if e["step"] == "result"
    }
    assert len(planned) == 4
    assert planned[0]["why"] == "current"
    assert results.keys() == {probe["pop"] for probe in planned}
    assert [pop for pop, found in results.items() if not {"availability", "rtt_ms"} <= found.keys()] == []
    (sent,) = (e["count"] for e in events if e["step"] == "sent")
    taken = 'itm_measurements_total{source="rum"}'
    wait_until(lambda: metrics(server).get("itm_journal_records_total") == sent, 30, "all in the journal")
    items = [(pop, *item) for pop, found in results.items() for item in found.items()]
    assert sorted(recorded(tmp_path / "state" / "journal")) == sorted(
        ("127.0.0.0/24", pop, metric, pytest.approx(value, rel=1e-6)) for pop, metric, value in items
    )
    now = metrics(server)
    assert (now[taken], now["itm_sessions_total"]) == (sent, 1)
    assert [name for name in now if name.startswith("itm_measurements_refused_total")] == []
    assert now['itm_session_probes_total{why="current"}'] == 1
    browser.open(f"https://localhost:{port}/rum/v1/demo")
    wait_until(lambda: "No POP was measured." in browser.text("#status"), 20, "the end")
    assert [row.text for row in browser.all(".rtt")] == ["not measured"] * 4
    assert metrics(server)[taken] == sent
