"""Agents of checks: from an invitation to a revocation."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from itm.errors import NameTaken, NotEnrolled
from itm.store import agents, audit
from itm.store.agents import Agent
from itm.store.engine import reading, writing

CREDENTIAL = "c" * 43


def invited(engine: Engine, name: str = "fra", **changes: float) -> str:
    times = {"now": 5.0, "token_expires_at": 100.0} | changes
    return agents.invite(engine, name, "eu", author="anna", **times)  # type: ignore[arg-type]


def test_a_token_becomes_a_credential_once(engine: Engine) -> None:
    """With the same credential again it is the same answer: the first one may have been lost."""
    token = invited(engine)
    assert token.startswith("itmp_")
    agent = agents.enrol(engine, token, CREDENTIAL, 6.0)
    expected = Agent("fra", "eu", 5.0, 100.0, agents.digest(CREDENTIAL), 6.0)
    assert agent == agents.enrol(engine, token, CREDENTIAL, 7.0) == expected
    with pytest.raises(NotEnrolled, match="was used before"):
        agents.enrol(engine, token, "d" * 43, 7.0)


def test_what_is_refused(engine: Engine) -> None:
    """A token that nobody made, and one that is too old."""
    token = invited(engine)
    with pytest.raises(NotEnrolled, match="no such token"):
        agents.enrol(engine, token + "x", CREDENTIAL, 6.0)
    with pytest.raises(NotEnrolled, match="has expired"):
        agents.enrol(engine, token, CREDENTIAL, 100.0)


def test_a_guess_waits_for_nobody_who_writes(engine: Engine) -> None:
    """The public may ask, and the store is for all."""
    with writing(engine), pytest.raises(NotEnrolled, match="no such token"):
        agents.enrol(engine, "itmp_guess", CREDENTIAL, 6.0)


def test_no_secret_is_in_the_store(engine: Engine) -> None:
    """Who reads the database can neither enrol nor report."""
    token = invited(engine)
    agents.enrol(engine, token, CREDENTIAL, 6.0)
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT * FROM probe_agents")).all()
        trail = connection.execute(text("SELECT * FROM audit")).all()
    assert token not in str((rows, trail))
    assert CREDENTIAL not in str((rows, trail))


def test_who_may_report(engine: Engine) -> None:
    """Enrolled, not expired, not revoked; each refusal has its reason."""
    token = invited(engine, expires_at=50.0)
    (agent,) = agents.listing(engine)
    assert agent.why_not(6.0) == "the agent 'fra' is not enrolled"
    agent = agents.enrol(engine, token, CREDENTIAL, 6.0)
    assert agent.why_not(49.0) == ""
    assert agent.why_not(50.0) == "the credential of the agent 'fra' has expired"
    assert agents.revoke(engine, "fra", author="anna", now=20.0)
    (agent,) = agents.listing(engine)
    assert agent.why_not(21.0) == "the agent 'fra' was revoked"
    assert not agents.revoke(engine, "fra", author="anna", now=22.0)


def test_a_name_is_taken_while_its_agent_may_report(engine: Engine) -> None:
    """One that never enrolled, was revoked or has expired gives its name up, and its token with it."""
    first = invited(engine)
    second = invited(engine)
    with pytest.raises(NotEnrolled):
        agents.enrol(engine, first, CREDENTIAL, 6.0)
    agents.enrol(engine, second, CREDENTIAL, 6.0)
    with pytest.raises(NameTaken):
        invited(engine)
    agents.revoke(engine, "fra", author="anna", now=7.0)
    third = invited(engine)
    assert agents.enrol(engine, third, CREDENTIAL, 8.0).revoked_at is None


def test_a_revoked_invitation_is_worth_nothing(engine: Engine) -> None:
    """Revoked before it enrolled."""
    token = invited(engine)
    agents.revoke(engine, "fra", author="anna", now=6.0)
    with pytest.raises(NotEnrolled, match="was revoked"):
        agents.enrol(engine, token, CREDENTIAL, 7.0)


def test_changes_are_in_the_trail(engine: Engine) -> None:
    """Who invited, that it enrolled, who revoked."""
    agents.enrol(engine, invited(engine), CREDENTIAL, 6.0)
    agents.revoke(engine, "fra", author="bert", now=7.0)
    told = [(entry.who, entry.action) for entry in audit.history(engine)]
    assert sorted(told) == [("anna", "probe.invite"), ("bert", "probe.revoke"), ("fra", "probe.enrol")]
