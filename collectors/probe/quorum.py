"""What several agents say about one address, as one word: a majority of regions. Pure.

A region says what the majority of its agents say; of one that is split, nothing. More regions for up than for
down: up, and the other way round. As many for one as for the other: up when more agents are for it, else
what was so before stands, because a tie must take nobody out. Without a vote the last state stands, too.

It follows that one agent, or the agents of one region, cannot take an address down that two other agents, or
two other regions, find up; and that a single agent decides alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


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
    """The word, and who said what, by region; `is_decided` is false when the last state stands."""

    up: bool
    regions: tuple[Region, ...] = ()
    is_decided: bool = False

    @property
    def agents(self) -> int:
        """How many voted."""
        return sum(region.up + region.down for region in self.regions)


def decide(votes: Iterable[Vote], before: bool) -> Quorum:
    """Return the word of these votes, one an agent; `before` is what stands until they say something else."""
    counts: dict[str, list[int]] = {}
    for vote in votes:
        counts.setdefault(vote.region, [0, 0])[vote.up] += 1
    regions = tuple(Region(name, up, down) for name, (down, up) in sorted(counts.items()))
    balance = sum(region.voice for region in regions)
    if balance == 0 and sum(region.up - region.down for region in regions) > 0:
        balance = 1
    return Quorum(before if balance == 0 else balance > 0, regions, balance != 0)


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
