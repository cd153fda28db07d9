"""`simulate attack`: liars against the real guard, windows, evidence, decision and plan, in one process.

One world, one day. First only the honest users measure, then the same ones say the same and liars speak
along; what the maps of the two days answer differently is what the liars moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import aggregate
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.window import Windows
from itm.simulate.clients import Client
from itm.simulate.crowd import Crowd, crowd_of
from itm.simulate.lies import DAY_SECONDS, LIES, REPEATS, honest_day, lying_day
from itm.steer.build import ClassBuild, build_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.world import World

START: Final = 1_700_006_400.0
"""Midnight UTC of some day."""

PARTS: Final = 4
"""Parts of the day; after each of them two builds: a network moves when two agree."""

FLOODERS: Final = 250
"""Clients of the prefix that floods: nearly all addresses of a /24."""

LIMITS: Final = Limits(candidates=4, max_moved_share=1.0)

Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Attack:
    """One scenario: `share` of users lie in the ways of `kinds`, or tell the truth if there are none.

    `where` they are: "world"; "as": in the AS with the most users alone; "prefix": none of the users, but
    `FLOODERS` more in one network, each saying everything `repeats` times.
    """

    name: str
    share: float
    kinds: tuple[str, ...] = LIES
    where: str = "world"
    source: str = "rum"
    repeats: int = REPEATS


ATTACKS: Final = (
    Attack("10 % more, telling the truth", 0.1, ()),
    Attack("10 % everywhere: a far POP is fast", 0.1, ("fast",)),
    Attack("10 % everywhere: the served POP is slow", 0.1, ("slow",)),
    Attack("10 % everywhere: it is unreachable", 0.1, ("unreachable",)),
    Attack("10 % everywhere: all of that", 0.1),
    Attack("10 % everywhere: unreachable, by NEL", 0.1, ("unreachable",), source="nel"),
    Attack("25 % of one AS: all of that", 0.25, where="as"),
    Attack("25 % of one AS: unreachable, by NEL", 0.25, ("unreachable",), "as", "nel"),
    Attack("a flood from one /24", 0.0, where="prefix", repeats=200),
)


@dataclass(frozen=True, slots=True)
class Moved:
    """What an attack moved: shares (0..1) of the demand of all measured places, and of the honest users.

    `outside` is the number of /24s outside the liars' AS or prefix that moved (0 for attacks from
    everywhere); `memory_bytes` what windows and guard held more than without the attack.
    """

    attack: str
    liars: int
    records: int
    demand: float
    users: float
    outside: int
    memory_bytes: int

    @classmethod
    def mean(cls, worlds: Sequence[Moved]) -> Moved:
        """Return what one attack moved in the mean of several worlds; counts are sums, memory the most."""
        return cls(
            worlds[0].attack,
            sum(one.liars for one in worlds),
            sum(one.records for one in worlds),
            float(np.mean([one.demand for one in worlds])),
            float(np.mean([one.users for one in worlds])),
            sum(one.outside for one in worlds),
            max(one.memory_bytes for one in worlds),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """The end of a day: the POP that every unit of the measured places is served, and the memory held."""

    pop: npt.NDArray[np.uint16]
    memory_bytes: int


@dataclass
class _Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


class Field:
    """A world with its crowd, and what everybody in it would say were nobody lying."""

    def __init__(self, world: World, clients: Sequence[Client], seed: int) -> None:
        self._world = world
        rng = np.random.default_rng(seed)
        self.crowd = crowd_of(clients, world.places, rng)
        pops = world.catalog.pops
        self._sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
        self._pops = np.array([p.id.encode() for p in pops], "S32")
        self._steering = world.classes[0]
        nothing = Evidence.nothing(len(pops))
        self._first = build_class(world, nothing, self._steering, Memory.nothing(), LIMITS)
        self._units, self._place = _demand(world, self.crowd)
        predicted, spread = self._predicted(self.crowd)
        self._truth = honest_day(self.crowd, predicted, spread, self._pops, START, rng)
        self._order = rng.permutation(len(self.crowd)) / len(self.crowd)
        self._quiet: dict[tuple[float, str], Day] = {}

    def run(self, attack: Attack) -> Moved:
        """Return what an attack moves against the day without it."""
        is_liar, where = self._liars(attack)
        of_liar = np.isin(self._truth["client"], self.crowd.name[is_liar])
        truth = self._truth[~of_liar]
        more = self._truth[of_liar] if not attack.kinds else self._lies(attack, is_liar)
        key = (attack.share, attack.where)
        quiet = self._quiet.get(key) or self._quiet.setdefault(key, self._day(truth))
        loud = self._day(np.concatenate([truth, more]))
        differs = quiet.pop != loud.pop
        honest = np.searchsorted(self._units, self.crowd.unit[~is_liar])
        return Moved(
            attack.name,
            len(np.unique(more["client"])),
            len(more),
            float(differs.mean()),
            float(differs[honest].mean()),
            int((differs & ~where).sum()),
            loud.memory_bytes - quiet.memory_bytes,
        )

    def _liars(self, attack: Attack) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return which users lie, and which units an attack of theirs may move."""
        asn = self._world.places.asn
        of_user = asn[self.crowd.place]
        names, count = np.unique(of_user, return_counts=True)
        heaviest = names[count.argmax()]
        if attack.where == "as":
            return (of_user == heaviest) & (self._order < attack.share), asn[self._place] == heaviest
        if attack.where == "prefix":
            return np.zeros(len(of_user), np.bool_), self._units == self._flooding().unit[0]
        return self._order < attack.share, np.ones(len(self._units), np.bool_)

    def _flooding(self) -> Crowd:
        """Return the users of one more or less empty network in the place with the most of them."""
        place = np.bincount(self.crowd.place).argmax()
        of_place = self.crowd.take(self.crowd.place == place)
        one = of_place.take(np.full(FLOODERS, 0, np.intp))
        name = self.crowd.name.max() + 1 + np.arange(FLOODERS, dtype=np.uint32)
        return replace(one, name=name.astype(np.uint32))

    def _lies(self, attack: Attack, is_liar: npt.NDArray[np.bool_]) -> Records:
        crowd = self._flooding() if attack.where == "prefix" else self.crowd.take(is_liar)
        return lying_day(
            crowd,
            self._first.decision.ranks[crowd.place, 0].astype(np.int64),
            self._predicted(crowd)[0],
            self._world.places,
            self._sites,
            self._pops,
            START,
            attack.kinds,
            attack.source,
            attack.repeats,
            np.random.default_rng(1),
        )

    def _predicted(self, crowd: Crowd) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        p25, p50, p75 = self._world.predictions[:, self._world.places.cell[crowd.place]]
        return p50, p75 - p25

    def _day(self, records: Records) -> Day:
        """Return the end of a day of these records, in the order of their times."""
        clock, guard = _Clock(), Guard()
        windows = Windows(max_cells=2_000_000, clock=clock)
        records = records[np.argsort(records["time"], kind="stable")]
        last = self._first
        for part in range(PARTS):
            clock.now = START + (part + 1) * DAY_SECONDS / PARTS
            batch, records = np.split(records, [np.searchsorted(records["time"], clock.now)])
            ladder, half_life = self._world.ladder, windows.half_life_seconds
            windows.merge(take(batch, guard, ladder, self._sites, clock.now, half_life).gathered)
            windows.decay()
            evidence = Evidence.of_world(aggregate(windows, clock), self._world)
            for _ in range(2):
                last = build_class(self._world, evidence, self._steering, last.after, LIMITS, last)
        return Day(self._answers(last), windows.nbytes + sum(a.nbytes for a in guard.arrays().values()))

    def _answers(self, build: ClassBuild) -> npt.NDArray[np.uint16]:
        segments = build.rows.segments[4]
        row = segments.row[np.searchsorted(segments.start, self._units, side="right") - 1]
        pop: npt.NDArray[np.uint16] = build.decision.ranks[row, 0]
        return pop


def _demand(world: World, crowd: Crowd) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Return the /24s (ascending) of all places that somebody measures from, and their places."""
    places = world.places
    runs = np.flatnonzero(np.isin(places.v4_place, crowd.place))
    ends = np.append(places.v4_start[1:], np.uint32(1 << 24))
    units: list[npt.NDArray[Any]] = [
        np.arange(places.v4_start[r], ends[r], dtype=np.uint64) for r in runs.tolist()
    ]
    return np.concatenate(units), np.repeat(places.v4_place[runs], [len(u) for u in units])


def as_text(found: Sequence[Moved]) -> str:
    """Return the table for a terminal or a page."""
    head = f"{'attack':<42}{'liars':>7}{'records':>10}{'demand':>9}{'users':>9}{'outside':>9}{'memory':>10}"
    rows = [
        f"{m.attack:<42}{m.liars:>7}{m.records:>10}{m.demand:>9.3%}{m.users:>9.2%}{m.outside:>9}"
        f"{m.memory_bytes / 1024:>7.0f} kB"
        for m in found
    ]
    return "\n".join([head, *rows])
