"""What several agents say about one address, as one word: a majority of regions. Pure.

A region says what the majority of its agents say; of one that is split, nothing. More regions for up than for
down: up, and the other way round. As many for one as for the other: up when more agents are for it, else
what was so before stands, because a tie must take nobody out. Without a vote the last state stands, too.
Agents that are awaited vote for what stands, so that whoever is quick to speak does not decide for all.

It follows that one agent, or the agents of one region, cannot take an address down that two other agents, or
two other regions, find up; and that a single agent decides alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Vote:
    """What one agent finds."""

    agent: str
    region: str
    up: bool


@dataclass(frozen=True, slots=True)
class Region:
    """How many agents of a region find the address up, how many down."""

    name: str
    up: int
    down: int

    @property
    def voice(self) -> int:
        """1 for up, -1 for down, 0 when it is split."""
        return (self.up > self.down) - (self.up < self.down)


@dataclass(frozen=True, slots=True)
class Quorum:
    """The word, and who said what, by region; `is_decided` is false when the last state stands.

    `awaited` are the agents that have said nothing yet.
    """

    up: bool
    regions: tuple[Region, ...] = ()
    is_decided: bool = False
    awaited: tuple[str, ...] = ()

    @property
    def agents(self) -> int:
        """How many voted."""
        return sum(region.up + region.down for region in self.regions)


def decide(votes: Iterable[Vote], before: bool, awaited: Mapping[str, str] = NOBODY) -> Quorum:
    """Return the word of these votes, one an agent; `before` is what stands until they say something else.

    `awaited`: agents that will vote, and their regions.
    """
    given = tuple(votes)
    regions = _counted(given)
    expected = [Vote(agent, region, before) for agent, region in awaited.items()]
    counted = _counted((*given, *expected))
    balance = sum(region.voice for region in counted)
    if balance == 0 and sum(region.up - region.down for region in counted) > 0:
        balance = 1
    up = before if balance == 0 else balance > 0
    return Quorum(up, regions, balance != 0 and bool(regions), tuple(sorted(awaited)))


def _counted(votes: Iterable[Vote]) -> tuple[Region, ...]:
    counts: dict[str, list[int]] = {}
    for vote in votes:
        counts.setdefault(vote.region, [0, 0])[vote.up] += 1
    return tuple(Region(name, up, down) for name, (down, up) in sorted(counts.items()))


def told(quorum: Quorum) -> str:
    """Return who said what: `down in eu (2 of 2 agents), na (1 of 1); up in ap (1 of 1)`.

    The numbers are of those that say so; in a region that is split, of those that say down.
    """
    parts: list[str] = []
    for voice, word in ((-1, "down"), (1, "up"), (0, "split")):
        of_word = [region for region in quorum.regions if region.voice == voice]
        names = [f"{r.name} ({r.up if voice > 0 else r.down} of {r.up + r.down})" for r in of_word]
        parts += [f"{word} in {', '.join(names)}"] if names else []
    return "; ".join(parts).replace(")", " agents)", 1)
