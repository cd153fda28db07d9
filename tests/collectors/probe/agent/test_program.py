"""The agent with a server of the test's own, without sockets; real ones stand in tests/e2e."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collectors.errors import AgentRefused, FormError
from collectors.probe.agent import program
from collectors.probe.agent.link import Away
from collectors.probe.agent.program import Agent, Settings
from collectors.probe.agent.report import Report
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold

PLAN = ProbePlan((Target("tcp", "192.0.2.1", 1),), 5.0, Threshold(2, 3))
GOOD, BAD = Outcome(True, 1.0), Outcome(False, 1.0, "refused")


class FakeLink:
    """Answers from a list: a version, or an error to raise; the last answer stands for ever."""

    def __init__(self, *answers: str | Exception, plan: FormError | None = None) -> None:
        self.answers, self.sent, self.plan_error = list(answers), list[Report](), plan
        self.credential = ""
        self.plans_asked = 0

    async def send(self, report: Report) -> str:
        self.sent.append(report)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def plan(self) -> tuple[str, dict[str, ProbePlan]]:
        self.plans_asked += 1
        if self.plan_error is not None:
            raise self.plan_error
        return self.answers[-1], {"fra": PLAN}  # type: ignore[return-value]


def agent(link: FakeLink) -> Agent:
    return Agent(link, clock=lambda: 7.0, pause_seconds=0.001)  # type: ignore[arg-type]


def test_it_takes_a_plan_and_reports_what_came_out() -> None:
    """The first report is empty and learns that there is a plan; contrary outcomes are looked at again."""
    link = FakeLink("v1")
    made = agent(link)

    async def scenario() -> list[bool]:
        await made.turn()
        unclear = [made.observe("fra", "192.0.2.1", outcome) for outcome in (GOOD, BAD, BAD, BAD, BAD)]
        await made.turn()
        return unclear

    assert asyncio.run(scenario()) == [False, True, True, False, False]
    sent = [(report.sequence, report.plan, len(report.observed)) for report in link.sent]
    assert sent == [(1, "", 0), (2, "v1", 5)]
    assert link.plans_asked == 1


def test_what_was_not_answered_is_sent_again() -> None:
    """Under the same number."""
    link = FakeLink(Away("no"), "v1")
    made = agent(link)

    async def scenario() -> None:
        with pytest.raises(Away):
            await made.turn()
        await made.turn()

    asyncio.run(scenario())
    assert [report.sequence for report in link.sent] == [1, 1]


def test_a_report_that_the_server_cannot_read_is_not_sent_for_ever() -> None:
    """It is told in the log, and the next one goes out."""
    link = FakeLink(FormError("run: too long"), "v1")
    made = agent(link)

    async def scenario() -> None:
        for _ in range(2):
            await made.turn()

    asyncio.run(scenario())
    assert [report.sequence for report in link.sent] == [1, 2]


def test_a_plan_that_cannot_be_read_is_asked_for_once() -> None:
    """The agent goes on under the plan it has, which the server sees in its reports."""
    link = FakeLink("v9", plan=FormError("pops.fra: no such key"))
    made = agent(link)

    async def scenario() -> None:
        for _ in range(3):
            await made.turn()

    asyncio.run(scenario())
    assert (link.plans_asked, [report.plan for report in link.sent]) == (1, ["", "", ""])


def test_it_ends_when_the_server_refuses_it() -> None:
    """Checks end with it; being away does not end it."""
    link = FakeLink("v1", Away("no"), Away("no"), "v1", AgentRefused("the agent 'fra' was revoked"))
    with pytest.raises(AgentRefused, match="was revoked"):
        asyncio.run(agent(link).run())
    assert len(link.sent) == 5


def enrolling(monkeypatch: pytest.MonkeyPatch, answers: list[str | Exception]) -> list[tuple[str, str]]:
    """Have enrolments answered so; return what is shown to the server. A good one ends the program."""
    shown: list[tuple[str, str]] = []

    async def enrol(_: object, token: str, credential: str) -> str:
        shown.append((token, credential))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def done(_: Agent) -> None:
        return

    monkeypatch.setattr(program, "REPORT_SECONDS", 0.001)
    monkeypatch.setattr(program.Link, "enrol", enrol)
    monkeypatch.setattr(Agent, "run", done)
    return shown


def test_it_enrols_once_and_tries_again_with_the_same_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also over a restart; once enrolled it needs no token."""
    shown = enrolling(monkeypatch, [Away("no"), AgentRefused("no such token"), "fra"])
    settings = Settings("http://127.0.0.1:1", tmp_path, "itmp_token")
    with pytest.raises(AgentRefused):
        asyncio.run(program.run(settings))
    asyncio.run(program.run(settings))
    asyncio.run(program.run(Settings("http://127.0.0.1:1", tmp_path)))
    assert len(shown) == 3
    assert len(set(shown)) == 1


def test_without_token_and_credential_it_says_what_to_do(tmp_path: Path) -> None:
    """One line names the file that is missing."""
    with pytest.raises(AgentRefused, match="credential: no such file: enrol with --token-file"):
        asyncio.run(program.run(Settings("http://127.0.0.1:1", tmp_path)))
