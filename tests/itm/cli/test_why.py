from __future__ import annotations

from itm.cli.why import told
from itm.steer.explain import WhyQuestion, explain
from tests.itm.steer.test_explain import moved
from tests.itm.steer.worlds import JAPAN


def test_the_story_reads_from_answer_to_runner_up() -> None:
    """The text names the answer, the ladder, every candidate's evidence, the steps and what would flip it."""
    text = told(explain(WhyQuestion("gw.example.net", JAPAN), moved(), clock=lambda: 1060.0))
    first, *rest = text.splitlines()
    assert first == "gw.example.net. A for 133.11.0.0/24  ->  osaka  127.20.0.2"
    assert "scope /24; map 7" in rest[0]
    assert any(line.split()[:2] == ["tokyo", "132.3"] or line.startswith("tokyo ") for line in rest)
    assert "30 from 6" in text
    assert "Decided by the row of its network" in text
    assert "Runner-up: tokyo" in text


def test_only_the_first_pops_are_listed_unless_all_are_wanted() -> None:
    """A long list is cut and says so."""
    story = explain(WhyQuestion("gw.example.net", JAPAN), moved(), clock=lambda: 1060.0)
    story["pops"] *= 5
    assert "... and 12 more (--all)" in told(story)
    assert "more (--all)" not in told(story, everything=True)
