"""Several agents on one address, in order of time."""

from __future__ import annotations

import pytest

from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.standing import Standing, begin, observe, settle
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold

PLAN = ProbePlan((Target("tcp", "192.0.2.1", 1, 2.0),), 5.0, Threshold(rise=2, fall=3))
GOOD, BAD = Outcome(up=True, elapsed_ms=1.0), Outcome(up=False, elapsed_ms=1.0, detail="refused")
REGIONS = {"local": "eu", "a": "na", "b": "ap"}


def play(text: str, standing: Standing | None = None) -> tuple[Standing, str]:
    """Feed `local- a+`, one a second; return where it stands, and U or D after each.

    Only agents of the text, and of before, may speak.
    """
    standing, marks = standing or begin(0.0), ""
    names = {word[:-1] for word in text.split()} | {view.agent for view in standing.views}
    agents = {name: REGIONS[name] for name in names}
    for second, word in enumerate(text.split(), 1):
        agent, outcome = word[:-1], GOOD if word[-1] == "+" else BAD
        at = standing.since + second
        standing = observe(standing, agent, outcome, PLAN, agents, at, at)
        marks += "U" if standing.up else "D"
    return standing, marks


def test_one_agent_decides_by_its_thresholds() -> None:
    """As if there were no quorum at all."""
    assert play("local- local- local- local+ local+")[1] == "UUDDU"


def test_thresholds_hold_per_agent() -> None:
    """Three failures of three agents are one each: nobody is sure."""
    assert play("local- a- b- local- a- b-")[1] == "UUUUUU"
    assert play("local- a- b- local- a- b- local- a-")[1] == "UUUUUUUD"


def test_a_lying_agent_is_outvoted() -> None:
    """One of three says down for ever."""
    assert set(play("local+ a+ b-" + " b- local+ a+" * 10)[1]) == {"U"}


def test_a_new_agent_begins_with_the_state_that_stands() -> None:
    """Its coming changes nothing; its thresholds do."""
    standing, _ = play("local- local- local-")
    standing, marks = play("a+ a+", standing)
    assert marks == "DD"
    assert not standing.quorum.is_decided
    view = standing.view("a")
    assert view is not None
    assert view.verdict.up


def test_a_silent_agent_loses_its_vote_and_keeps_its_view() -> None:
    """Three intervals, the time limit and five seconds after its last outcome."""
    assert PLAN.fresh_seconds == 22.0
    standing, _ = play("local+ a- a- a-")
    assert standing.up
    later = settle(standing, PLAN, REGIONS, 24.0)
    assert (later.up, later.quorum.agents, len(later.views)) == (False, 1, 2)


def test_without_a_fresh_agent_the_last_state_stands() -> None:
    """Whatever it was; that nobody decides is told."""
    for text, up in (("local+", True), ("local- local- local-", False)):
        later = settle(play(text)[0], PLAN, REGIONS, 1e6)
        assert (later.up, later.quorum.is_decided, later.quorum.regions) == (up, False, ())


def test_an_agent_that_is_gone_is_forgotten() -> None:
    """A revoked agent's last word has no effect."""
    standing, _ = play("local+ a- a- a- b- b- b-")
    assert not standing.up
    assert settle(standing, PLAN, {"local": "eu"}, 8.0).up


def test_detail_and_notices_are_of_whoever_has_them() -> None:
    """The last failure, and each notice once."""
    soon = Outcome(up=True, elapsed_ms=1.0, notice="the certificate expires in 3.0 days", days_left=3.0)
    standing, _ = play("local- local- local-")
    for agent in ("a", "b"):
        standing = observe(standing, agent, soon, PLAN, REGIONS, 4.0, 4.0)
    assert (standing.detail, standing.notices) == ("refused", (soon.notice,))


@pytest.mark.parametrize(
    ("state", "first", "marks"), [("unknown", "local-", "D"), ("down", "local+ local+", "DU")]
)
def test_how_an_address_starts(state: str, first: str, marks: str) -> None:
    """Unknown: the first word decides, of every agent; down: not before `rise`."""
    assert play(first, begin(0.0, state))[1] == marks


def test_agents_that_have_not_looked_yet_are_awaited() -> None:
    """After a restart the quick one does not decide for all; after a while it does."""
    for state, outcome in (("down", GOOD), ("up", BAD)):
        standing = begin(0.0, state)
        for second in range(1, 6):
            standing = observe(standing, "local", outcome, PLAN, REGIONS, float(second), float(second))
        assert standing.up is (state == "up")
        assert standing.quorum.awaited == ("a", "b")
        for name in ("a", "b"):
            standing = observe(standing, name, outcome, PLAN, REGIONS, 6.0, 6.0)
        assert standing.quorum.awaited == ()
        alone = settle(standing, PLAN, {"local": "eu"}, PLAN.fresh_seconds + 0.1)
        assert alone.up is outcome.up


def test_nobody_is_awaited_for_ever() -> None:
    """An agent that is enrolled and dead holds nothing up for longer than a view would last."""
    standing = begin(0.0)
    for second in range(1, 4):
        standing = observe(standing, "local", BAD, PLAN, REGIONS, float(second), float(second))
    assert standing.up
    assert not settle(standing, PLAN, REGIONS, PLAN.fresh_seconds + 0.1).up
