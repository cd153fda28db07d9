from __future__ import annotations

from itm.cli.why import told
from itm.steer.explain import WhyQuestion, explain
from tests.itm.steer.test_explain import crowded, moved
from tests.itm.steer.worlds import DUTCH, JAPAN


def test_the_story_reads_from_answer_to_runner_up() -> None:
    """The text names the answer, the ladder, every candidate's evidence, the steps and what would flip it."""
    text = told(explain(WhyQuestion("gw.example.net", JAPAN), moved(), clock=lambda: 1060.0))
    first, *rest = text.splitlines()
    assert first == "gw.example.net. A for 133.11.0.0/24  ->  osaka  127.20.0.2"
    assert "scope /24 (beside it 133.11.1.0/24 is answered tokyo); map 7" in rest[0]
    assert any(line.split()[:2] == ["tokyo", "132.3"] or line.startswith("tokyo ") for line in rest)
    assert "30 from 6" in text
    assert "Decided by the row of its network" in text
    assert "Runner-up: tokyo" in text


def test_only_the_first_pops_are_listed_unless_all_are_wanted() -> None:
    """A long list is cut and says so."""
    story = explain(WhyQuestion("gw.example.net", JAPAN), moved(), clock=lambda: 1060.0)
    unmeasured = [{**pop, "samples": 0.0, "availability": None} for pop in story["pops"]]
    story["pops"] = [{**pop, "pop": f"{pop['pop']}-{n}"} for n in range(5) for pop in unmeasured]
    assert "... and 12 more (--all)" in told(story)
    assert "more (--all)" not in told(story, everything=True)


def test_pops_that_matter_are_listed_wherever_they_stand() -> None:
    """Measured ones, the one that stickiness put behind, the answer and the runner-up."""
    story = explain(WhyQuestion("gw.example.net", JAPAN), moved(), clock=lambda: 1060.0)
    plain = {**story["pops"][0], "samples": 0.0, "availability": None}
    others = [{**plain, "pop": f"pop-{n}"} for n in range(30)]
    others[20]["samples"] = 7.0
    others[22]["availability"] = 0.5
    story["pops"] = others
    story["steps"] = [{"step": "sticky", "first_before": "pop-24", "first": "pop-0"}]
    story["answer"]["pop"], story["runner_up"]["pop"] = "pop-26", "pop-28"
    listed = [line.split()[0] for line in told(story).splitlines() if line.startswith("pop-")]
    assert listed == [f"pop-{n}" for n in (*range(8), 20, 22, 24, 26, 28)]
    assert "... and 17 more (--all)" in told(story)


def test_the_clients_behind_a_resolver_are_listed() -> None:
    """The heaviest ones with weight, age and their own best POP; all of them on demand."""
    story = explain(WhyQuestion("gw.example.net", resolver=DUTCH), crowded(), clock=lambda: 1060.0)
    text = told(story)
    assert "Decided by the clients learned behind it (11 networks)" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["8.8.8.0/24", "2.87", "2", "d", "ago", "ash", "7.0"] in lines
    assert "... and 3 more (--all)" in text
    assert "133.11.9.0/24" in told(story, everything=True)
