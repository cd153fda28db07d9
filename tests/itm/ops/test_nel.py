import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.errors import JournalFull
from collectors.journal import JournalReader
from collectors.measurement import METRICS, SOURCES
from collectors.network import Network
from itm.catalog.load import load_bundle
from itm.ops.nel import finder_of
from tests.collectors.rum.test_nel import BODY, REPORT
from tests.itm.ops.harness import FILES, MAIN, Served, play

NEL = "/rum/v1/nel"
HEADERS = {"Content-Type": "application/reports+json", "Origin": "https://paris.probe.example.net"}


def report(pop_address: str, **changes: Any) -> dict[str, Any]:
    return {**REPORT, "body": {**BODY, "server_ip": pop_address, **changes}}


def test_a_failure_is_journaled_and_counted_as_one(tmp_path: Path) -> None:
    """204; one record of availability 0 from the reporter's own network, at the time it says."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", NEL, HEADERS, data=json.dumps([report("192.0.2.2")]))
        assert (answer.status, answer.text) == (204, "")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        metrics = (await served.ops("GET", "/metrics")).text
        assert 'itm_measurements_total{source="nel"} 1' in metrics
        assert 'itm_nel_availability_total{outcome="failed",pop="paris"} 1' in metrics

    play(tmp_path, scenario)
    (record,) = JournalReader(tmp_path / "journal").read()
    assert Network(int(record["family"]), int(record["unit"])) == Network.of("127.0.0.0/24")
    assert (record["pop"], METRICS[record["metric"]], SOURCES[record["source"]]) == (
        b"paris",
        "availability",
        "nel",
    )
    assert (float(record["value"]), float(record["time"]), bool(record["client"])) == (
        0.0,
        1_700_000_000.0 - 3,
        True,
    )


def test_browsers_ask_first(tmp_path: Path) -> None:
    """The preflight that Chromium sends for application/reports+json from another origin."""

    async def scenario(served: Served) -> None:
        asked = {
            "Origin": "https://paris.probe.example.net",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = await served.public("OPTIONS", NEL, asked)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Headers"].lower() == "content-type"
        assert answer.headers["Access-Control-Allow-Methods"] == "POST"

    play(tmp_path, scenario)


def test_what_is_refused_is_told_counted_and_not_asked_for_again(tmp_path: Path) -> None:
    """200 although nothing counted: a browser would send the same again; 400 for what cannot be read."""

    async def scenario(served: Served) -> None:
        body = [report("203.0.113.9"), report("192.0.2.1", type="abandoned", phase="application")]
        answer = await served.public("POST", NEL, HEADERS, data=json.dumps(body))
        assert (answer.status, answer.json["accepted"]) == (200, 0)
        assert [(r["index"], r["code"]) for r in answer.json["refused"]] == [
            (0, "unknown_pop"),
            (1, "not_about_the_pop"),
        ]
        assert (await served.public("POST", NEL, HEADERS, data="[")).status == 400
        metrics = (await served.ops("GET", "/metrics")).text
        for reason in ("unknown_pop", "not_about_the_pop", "not_json"):
            assert f'itm_measurements_refused_total{{reason="{reason}",source="nel"}} 1' in metrics

    play(tmp_path, scenario)
    assert len(JournalReader(tmp_path / "journal").read()) == 0


def test_a_disk_that_is_behind_has_browsers_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503: the report stays with the browser."""

    async def scenario(served: Served) -> None:
        def full(array: np.ndarray) -> None:
            raise JournalFull("behind")

        monkeypatch.setattr(served.now.edge.journal, "append", full)
        answer = await served.public("POST", NEL, HEADERS, data=json.dumps([report("192.0.2.2")]))
        assert answer.status == 503

    play(tmp_path, scenario)


def test_urls_and_addresses_reach_neither_disk_nor_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even of reports that are refused."""
    secret = {
        "url": "https://secret-url.example/?token=secret-token",
        "user_agent": "secret-agent",
        "referrer": "https://secret-referrer.example/",
    }

    async def scenario(served: Served) -> None:
        for address in ("192.0.2.2", "203.0.113.9"):
            body = [{**report(address, referrer=secret["referrer"]), **secret}]
            await served.public(
                "POST", NEL, {**HEADERS, "X-Forwarded-For": "133.11.0.77"}, data=json.dumps(body)
            )

    caplog.set_level(0)
    play(tmp_path, scenario, trusted=("127.0.0.0/8",))
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    left += " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records).encode()
    assert not any(word in left for word in (b"secret", b"133.11.0.77", b"203.0.113.9"))
    assert len(JournalReader(tmp_path / "journal").read()) == 1


def test_pops_are_found_by_all_that_is_their_own() -> None:
    """A probe URL, a name below a service, an address; another catalog, other POPs."""
    named = MAIN.replace("https://paris.example", "https://fr.example:8443")
    named = named.replace("    ttl: 20\n", "    ttl: 20\n    direct: true\n")
    finder = finder_of(load_bundle({**FILES, "catalog.yaml": named}))
    assert finder.by_url("https://fr.example:8443/probe/v1/r.gif") == "paris"
    assert finder.by_url("https://tokyo.gw.example.net/") == "tokyo"
    assert finder.by_address("192.0.2.1") == "tokyo"
    assert finder_of(load_bundle(FILES)).by_url("https://fr.example:8443/") is None
