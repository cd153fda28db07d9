"""Who can take an address down, and who cannot: by table, and for all small worlds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from collectors.probe.quorum import Quorum, Region, Vote, decide, told


def votes(text: str) -> list[Vote]:
    """Read `eu:++- na:-`: a mark per agent, `+` up, `-` down."""
    regions = (word.partition(":") for word in text.split())
    return [Vote(f"{r}{n}", r, mark == "+") for r, _, marks in regions for n, mark in enumerate(marks)]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("", "before"),
        # one agent decides alone
        ("eu:+", "up"),
        ("eu:-", "down"),
        # one region: its majority
        ("eu:++-", "up"),
        ("eu:--+", "down"),
        ("eu:+-", "before"),
        # two regions: they agree, or nobody is taken out
        ("eu:- na:-", "down"),
        ("eu:- na:+", "before"),
        ("eu:--- na:+", "before"),
        ("eu:- na:++", "up"),
        # a majority of regions, whatever the number of their agents
        ("eu:- na:+ ap:+", "up"),
        ("eu:----- na:+ ap:+", "up"),
        ("eu:- na:- ap:+++++", "down"),
        ("eu:- na:- ap:+ sa:+", "before"),
        ("eu:- na:- ap:+ sa:++", "up"),
        # a region that is split says nothing
        ("eu:+- na:-", "down"),
        ("eu:+- na:+", "up"),
        ("eu:+- na:+-", "before"),
        ("eu:+- na:- ap:+", "before"),
    ],
)
def test_the_majority_of_regions(said: str, word: str) -> None:
    """`before`: the last state stands, and that is told."""
    for before in (True, False):
        quorum = decide(votes(said), before)
        assert quorum.up is {"up": True, "down": False, "before": before}[word]
        assert quorum.is_decided is (word != "before")


def worlds(most: int) -> Iterator[list[Vote]]:
    """Every way in which up to `most` agents in up to three regions can vote."""
    for count in range(1, most + 1):
        for places in product("abc", repeat=count):
            if list(places) == sorted(places):
                for marks in product((True, False), repeat=count):
                    pairs = zip(places, marks, strict=True)
                    yield [Vote(str(n), place, up) for n, (place, up) in enumerate(pairs)]


def test_one_agent_alone_takes_nothing_down_that_two_others_find_up() -> None:
    """In whatever regions they are, and whatever was before."""
    for said in worlds(6):
        down = [vote for vote in said if not vote.up]
        if len(down) == 1 and len(said) >= 3:
            assert decide(said, True).up, said
            assert decide(said, False).up, said


def test_one_region_alone_takes_nothing_down_that_two_others_find_up() -> None:
    """However many agents it has."""
    for said in worlds(7):
        regions = decide(said, True).regions
        down = [region for region in regions if region.voice < 0]
        if len(down) <= 1 and sum(region.voice > 0 for region in regions) >= 2:
            assert decide(said, False).up, said


def test_what_holds_of_every_vote() -> None:
    """Unanimous votes win, the order is nothing, and one more vote for up never takes an address down."""
    for said in worlds(5):
        for before in (True, False):
            quorum = decide(said, before)
            assert decide(reversed(said), before) == quorum
            assert quorum.agents == len(said)
            if len({vote.up for vote in said}) == 1:
                assert quorum.up is said[0].up
            for region in "abc":
                assert decide([*said, Vote("new", region, True)], before).up >= quorum.up, (said, region)


def test_who_said_what_is_told() -> None:
    """As data, by region, and as words: down first."""
    quorum = decide(votes("na:- eu:-- ap:+ sa:+-"), True)
    assert quorum == Quorum(
        False, (Region("ap", 1, 0), Region("eu", 0, 2), Region("na", 0, 1), Region("sa", 1, 1)), True
    )
    assert told(quorum) == "down in eu (2 of 2 agents), na (1 of 1); up in ap (1 of 1); split in sa (1 of 2)"
    assert told(decide([], True)) == ""


def test_awaited_agents_vote_for_what_stands() -> None:
    """And are not told as if they had said so."""
    said = votes("eu:-")
    assert decide(said, True, {"x": "na", "y": "ap"}) == Quorum(True, (Region("eu", 0, 1),), True, ("x", "y"))
    assert not decide(votes("eu:- na:-"), True, {"y": "ap"}).up
    assert decide([], True, {"y": "ap"}) == Quorum(True, awaited=("y",))
