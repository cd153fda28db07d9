import json
from typing import Any

import pytest

from collectors.measurement import Measurement, records
from collectors.network import Network
from collectors.rum.beacon import BeaconResult
from collectors.rum.budget import Budgets
from collectors.rum.nel import MAX_AGE_MS, MAX_REPORTS, MAX_WEIGHT, parse
from collectors.rum.popfinder import PopFinder
from tests.collectors.observed import NOON

NETWORK = Network.of("133.11.0.1")
POPS = PopFinder([("https://fra.probe.example.net", "fra")], [], [("192.0.2.1", "fra"), ("192.0.2.2", "tyo")])
BODY = {
    "elapsed_time": 0, "method": "GET", "phase": "connection", "protocol": "http/1.1", "referrer": "",
    "sampling_fraction": 1.0, "server_ip": "192.0.2.1", "status_code": 0, "type": "tcp.refused",
}  # fmt: skip
REPORT = {
    "age": 3000, "body": BODY, "type": "network-error", "url": "https://fra.probe.example.net/dead",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0 Safari/537.36",
}  # fmt: skip
"""What Chromium 156 sends when nobody listens."""

SPECIFIED = {
    "age": 0,
    "type": "network-error",
    "url": "https://www.example.com/",
    "body": {
        "sampling_fraction": 0.5,
        "referrer": "http://example.com/",
        "server_ip": "192.0.2.2",
        "protocol": "h2",
        "method": "GET",
        "request_headers": {},
        "response_headers": {},
        "status_code": 200,
        "elapsed_time": 823,
        "phase": "application",
        "type": "http.protocol.error",
    },
}
"""An example of the specification, with another address."""


def parsed(content: Any, per_network: float = 0) -> BeaconResult:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    budgets = Budgets(per_network, overall=0)
    return parse(body, network=NETWORK, client=77, now=NOON, pops=POPS, budgets=budgets)


def but(**changes: Any) -> dict[str, Any]:
    """Return the report with changes to its body."""
    return {**REPORT, "body": {**BODY, **changes}}


@pytest.mark.parametrize("content", [REPORT, [REPORT]])
def test_a_report_of_chromium(content: Any) -> None:
    """One failure of the POP, seen from the reporter's network, three seconds ago."""
    assert parsed(content) == BeaconResult(
        (Measurement(NETWORK, "fra", "availability", 0.0, NOON - 3, "nel", 77),), ()
    )
    assert records(parsed(content).accepted)["value"].tolist() == [0.0]


def test_a_report_of_the_specification() -> None:
    """A name that many POPs may share: the contacted address says which it was; half of them are sent."""
    made = Measurement(NETWORK, "tyo", "availability", 0.0, NOON, "nel", 77)
    assert parsed(SPECIFIED) == BeaconResult((made, made), ())


def test_the_url_may_stand_in_the_body() -> None:
    """Then the one outside is the page's."""
    report = but(url="https://fra.probe.example.net/", server_ip="")
    assert parsed({**report, "url": "https://shop.example/"}).accepted[0].pop == "fra"


@pytest.mark.parametrize(
    ("fraction", "weight"),
    [(1, 1), (0.7, 1), (0.5, 2), (0.3, 3), (0.1, 10), (0.05, MAX_WEIGHT), (1e-300, MAX_WEIGHT)],
)
def test_a_sample_weighs_what_it_stands_for(fraction: float, weight: int) -> None:
    """Up to a bound: no report counts as thousands."""
    result = parsed(but(type="ok", phase="application", sampling_fraction=fraction))
    assert [m.value for m in result.accepted] == [1.0] * weight


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (7, "not_a_report"),
        ({**REPORT, "body": None}, "not_a_report"),
        ({**REPORT, "type": "csp-violation"}, "other_report"),
        ({**REPORT, "type": None}, "other_report"),
        ({k: v for k, v in REPORT.items() if k != "age"}, "bad_age"),
        ({**REPORT, "age": -1}, "bad_age"),
        ({**REPORT, "age": "3"}, "bad_age"),
        ({**REPORT, "age": MAX_AGE_MS + 1}, "too_old"),
        (but(sampling_fraction=None), "bad_fraction"),
        (but(sampling_fraction=0), "bad_fraction"),
        (but(sampling_fraction=1.01), "bad_fraction"),
        (but(sampling_fraction=True), "bad_fraction"),
        (but(phase="sxg"), "bad_phase"),
        (but(phase=["dns"]), "bad_phase"),
        (but(type="quic.gone"), "unknown_type"),
        (but(type=None), "unknown_type"),
        (but(type={"a": "tcp.reset"}), "unknown_type"),
        (but(type="abandoned", phase="application"), "not_about_the_pop"),
        (but(type="dns.name_not_resolved", phase="dns"), "not_about_the_pop"),
        (but(type="http.error", status_code=404), "not_about_the_pop"),
        (but(type="http.error", status_code="503"), "not_about_the_pop"),
        ({**but(server_ip=""), "url": "https://gw.example.net/"}, "unknown_pop"),
        ({**but(server_ip=7), "url": 7}, "unknown_pop"),
        (but(server_ip="192.0.2.2"), "two_pops"),
    ],
)
def test_a_refused_report_says_why_and_leaves_the_others(report: Any, code: str) -> None:
    """Each with its place in the batch; nothing of the client is in the text."""
    result = parsed([REPORT, report, REPORT])
    assert [(r.index, r.code) for r in result.refused] == [(1, code)]
    assert len(result.accepted) == 2
    assert not any(word in result.refused[0].text for word in ("192.0.2", "probe.example", "gw.example"))


def test_a_network_has_so_many_reports_an_hour() -> None:
    """Sound ones only: what is refused for itself costs nothing."""
    result = parsed([7, REPORT, REPORT, REPORT], per_network=2)
    assert [(r.index, r.code) for r in result.refused] == [(0, "not_a_report"), (3, "network_budget")]
    assert len(result.accepted) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"3", "not_a_batch"),
        (json.dumps([REPORT] * (MAX_REPORTS + 1)).encode(), "too_many"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes, code: str) -> None:
    """Nothing of it counts."""
    result = parsed(body)
    assert [(r.index, r.code) for r in result.refused] == [(-1, code)]
    assert result.accepted == ()
