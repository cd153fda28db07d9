"""The agents' endpoints through a real listener."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from collectors.probe.agent import plans, report
from collectors.probe.agent.report import Observed, Report
from collectors.probe.outcome import Outcome
from collectors.rum.origin import Origin
from itm.ops.reporting import Reporting
from tests.itm.ops.harness import FILES, MAIN, Served, play

CHECKED = MAIN.replace("ipv4: 192.0.2.1}", "ipv4: 192.0.2.1, healthcheck: {protocol: tcp, port: 9}}", 1)
CREDENTIAL = "c" * 43
BEARER = {"Authorization": f"Bearer {CREDENTIAL}"}
WRONG = {"Authorization": "Bearer wrong"}


async def enrolled(served: Served) -> None:
    wanted = {"name": "fra", "region": "eu"}
    made = await served.ops("POST", "/api/v1/probe/agents", scope="admin", json=wanted)
    body = {"token": made.json["token"], "credential": CREDENTIAL}
    answer = await served.public("POST", "/probe/v1/agent/enrol", json=body)
    assert (answer.status, answer.json) == (200, {"name": "fra", "region": "eu", "expires_at": None})
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_agent_enrols_fetches_its_plan_and_reports(tmp_path: Path) -> None:
    """The whole life; what it found is in the API and in the metrics."""

    async def scenario(served: Served) -> None:
        await enrolled(served)
        plan = await served.public("GET", "/probe/v1/agent/plan", BEARER)
        version, planned = plans.decode(plan.text.encode())
        assert list(planned) == ["tokyo"]
        bad = Observed("tokyo", "192.0.2.1", Outcome(False, 3.0, "connection refused"), 0.1)
        body = report.encode(Report("r", 1, version, (bad,)))
        answers = [await served.public("POST", "/probe/v1/agent/report", BEARER, data=body) for _ in range(2)]
        assert [answer.json for answer in answers] == [
            {"accepted": 1, "refused": {}, "duplicate": False, "plan": version},
            {"accepted": 0, "refused": {}, "duplicate": True, "plan": version},
        ]
        pops = (await served.ops("GET", "/api/v1/pops")).json["pops"]
        (check,) = next(pop for pop in pops if pop["id"] == "tokyo")["checks"]
        (view,) = [view for view in check["agents"] if view["agent"] == "fra"]
        assert (view["region"], view["passes"], view["votes"], view["detail"]) == (
            "eu", True, True, "connection refused",
        )  # fmt: skip
        metrics = (await served.ops("GET", "/metrics")).text
        for line in (
            'itm_probe_reports_total{result="accepted"} 1',
            'itm_probe_reports_total{result="duplicate"} 1',
            'itm_probe_outcomes_total{agent="fra",result="fail"} 1',
            'itm_probe_agent_age_seconds{agent="fra",region="eu"} 0',
            'itm_pop_dissent{pop="tokyo"} 0',
        ):
            assert line in metrics

    play(tmp_path, scenario, files={**FILES, "catalog.yaml": CHECKED})


def test_what_is_refused_has_its_reason_and_is_counted(tmp_path: Path) -> None:
    """And changes nothing."""

    async def scenario(served: Served) -> None:
        await enrolled(served)
        asked = [
            ("POST", "report", {}, b"", 401, "this needs the agent's credential"),
            ("GET", "plan", WRONG, b"", 401, "the credential is unknown: enrol this agent with a new token"),
            ("POST", "report", BEARER, b"{}", 400, "outcomes: expected a list, got NoneType"),
            ("POST", "enrol", {}, b"{}", 400, "token: expected a text, got NoneType"),
            ("POST", "enrol", {}, b'{"token": "t", "credential": "short"}', 400, "credential: expected at"),
            ("POST", "enrol", {}, b'{"token": "t", "credential": "%s"}' % (b"x" * 43), 403, "no such token"),
        ]  # fmt: skip
        for method, what, headers, body, status, reason in asked:
            answer = await served.public(method, f"/probe/v1/agent/{what}", headers, data=body)
            assert (answer.status, answer.json["error"][: len(reason)]) == (status, reason)
        metrics = (await served.ops("GET", "/metrics")).text
        for kind, count in (("unauthorized", 2), ("malformed", 3), ("not_enrolled", 1)):
            assert f'itm_probe_reports_total{{result="{kind}"}} {count}' in metrics

    play(tmp_path, scenario)


def test_a_revoked_agent_is_out_at_once(tmp_path: Path) -> None:
    """Its next request is refused with the reason."""

    async def scenario(served: Served) -> None:
        await enrolled(served)
        await served.ops("DELETE", "/api/v1/probe/agents/fra", scope="admin")
        answer = await served.public("GET", "/probe/v1/agent/plan", BEARER)
        assert (answer.status, answer.json["error"]) == (401, "the agent 'fra' was revoked")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("peer", "says", "is_private"),
    [
        ("127.0.0.1", "", True),
        ("192.0.2.1", "", False),
        ("192.0.2.1", "https", False),
        ("10.0.0.1", "https", True),
        ("10.0.0.1", "http", False),
        ("10.0.0.1", "", False),
        ("127.0.0.1", "http", True),
        ("127.0.0.9", "http", False),
    ],
)
def test_a_credential_travels_encrypted_only(peer: str, says: str, is_private: bool) -> None:
    """Loopback, our own TLS, or the word of a trusted proxy."""

    async def ask() -> bool:
        request = make_mocked_request("GET", "/", {"X-Forwarded-Proto": says} if says else {}).clone(
            remote=peer
        )
        return Reporting(Origin(("10.0.0.0/8", "127.0.0.9/32")))._is_private(request)

    assert asyncio.run(ask()) is is_private
