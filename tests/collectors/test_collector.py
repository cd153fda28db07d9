from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from collectors import arrays
from collectors import delta as deltas
from collectors.bus import Ack, InProcess, Mark
from collectors.collector import Collector, Ground
from collectors.counted import Counted, Turn
from collectors.delta import Delta
from collectors.errors import BusLost
from collectors.guard import Guard, PopSites
from collectors.journal import JournalWriter
from collectors.ladder import Ladder
from collectors.outbox import Outbox
from tests.collectors.observed import DAY, Clock, observed
from tests.itm.steer.worlds import CONTINENTS, places

GROUND = Ground(Ladder(places(), CONTINENTS), PopSites.of(["pop-a"], [np.nan], [np.nan]))
CAP = 20


@dataclass
class Books:
    """A builder that only keeps account of what it was sent."""

    bus: InProcess
    counted: Counted = field(default_factory=lambda: Counted({}))
    deltas: list[Delta] = field(default_factory=list)

    def read(self) -> None:
        while (message := self.bus.receive()) is not None:
            delta = deltas.parse(message)
            turn = self.counted.turn(delta)
            if turn is Turn.NEXT:
                self.counted.count(delta)
                self.deltas.append(delta)
            elif turn is Turn.ASTRAY:
                self.bus.ack(self.counted.ack(delta.collector))

    def settle(self) -> None:
        self.counted.settle()
        self.bus.ack(self.counted.ack("one"))

    @property
    def records(self) -> int:
        return sum(delta.gathered.counted for delta in self.deltas)


@dataclass
class Bench:
    """A journal, a collector that can be begun again, and books."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    bus: InProcess = field(default_factory=InProcess)

    def __post_init__(self) -> None:
        self.books = Books(self.bus)
        self.journal = JournalWriter(self.folder / "journal")
        self.collector = self.begun()

    def begun(self) -> Collector:
        """A collector as a fresh process would begin."""
        outbox = Outbox(self.folder / "collector")
        return Collector(
            "one",
            self.folder / "journal",
            outbox,
            lambda: Guard(CAP),
            self.bus,
            half_life_seconds=43_200,
            clock=self.clock,
        )

    def measure(self, count: int, **more: object) -> None:
        self.journal.append(observed([20.0] * count, time=self.clock.now, **more))  # type: ignore[arg-type]
        self.journal.flush()

    def turn(self, ground: Ground | None = GROUND) -> None:
        self.clock.now += 2
        for _ in range(2):
            self.collector.step(lambda: ground)
            self.books.read()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def test_the_journal_becomes_deltas(bench: Bench) -> None:
    """What passed the guard is in the cells, what did not is counted; nothing new is no delta."""
    bench.measure(5)
    bench.measure(2, pop="gone")
    bench.turn()
    bench.turn()
    (delta,) = bench.books.deltas
    assert (delta.collector, delta.sequence, delta.refused) == ("one", 1, {"unknown_pop": 2})
    assert delta.gathered.counted == 5
    assert delta.position == bench.collector.mark.position
    bench.measure(3)
    bench.turn()
    assert [delta.sequence for delta in bench.books.deltas] == [1, 2]
    assert bench.books.records == 8


def test_what_contradicts_the_place_counts_for_the_network_alone(bench: Bench) -> None:
    """Tokyo is never 1 ms from Amsterdam."""
    ground = Ground(GROUND.ladder, PopSites.of(["pop-a"], [52.4], [4.9]))
    bench.journal.append(observed([1.0] * 4, time=bench.clock.now))
    bench.journal.flush()
    bench.turn(ground)
    (delta,) = bench.books.deltas
    assert delta.own_only == 4
    assert set(delta.gathered.values.rung.tolist()) == {0}


def test_deltas_keep_their_distance(bench: Bench) -> None:
    """A second passes between two of them, however often the collector looks."""
    bench.turn()
    for _ in range(5):
        bench.measure(1)
        bench.clock.now += 0.3
        bench.collector.step(lambda: GROUND)
    assert bench.collector.made == 1


def test_without_ground_the_journal_waits(bench: Bench) -> None:
    """Before there is a catalog nothing is judged, and nothing lost."""
    bench.measure(5)
    bench.turn(None)
    assert bench.books.deltas == []
    bench.turn()
    assert bench.books.records == 5


def test_what_is_durable_is_let_go(bench: Bench) -> None:
    """Until then it is kept, sent or not."""
    bench.measure(5)
    bench.turn()
    assert Outbox(bench.folder / "collector").waiting == (1,)
    bench.books.settle()
    bench.turn()
    assert Outbox(bench.folder / "collector").waiting == ()


def test_a_collector_that_died_goes_on_where_it_stood(bench: Bench) -> None:
    """Whether its last delta arrived or not; the guard remembers who has counted."""
    bench.measure(CAP - 2, client=7)
    bench.turn()
    bench.measure(1, client=7)
    bench.clock.now += 2
    bench.collector.step(lambda: GROUND)
    bench.bus.receive()  # lost on the way
    bench.collector = bench.begun()
    bench.measure(5, client=7)
    bench.turn()
    assert bench.books.records == CAP
    assert bench.books.deltas[-1].refused == {"client_cap": 4}
    assert bench.collector.rewound == 0


def test_a_builder_that_died_is_sent_again_what_was_not_durable(bench: Bench) -> None:
    """It goes back to what its checkpoint holds."""
    for _ in range(3):
        bench.measure(2)
        bench.turn()
        if len(bench.books.deltas) == 1:
            bench.books.settle()
    bench.books.counted = Counted({"one": Mark(1, bench.books.deltas[0].position)})
    del bench.books.deltas[1:]
    bench.collector = bench.begun()  # as after BusLost: it asks
    bench.turn()
    assert [delta.sequence for delta in bench.books.deltas] == [1, 2, 3]
    assert bench.books.records == 6


class Losing(InProcess):
    """A bus whose other end goes away when told so."""

    is_lost = False

    def send(self, message: bytes) -> bool:
        if self.is_lost:
            raise BusLost("gone")
        return super().send(message)


def test_while_the_bus_is_lost_the_journal_waits(bench: Bench) -> None:
    """A delta under way is sent again, if it was not counted."""
    bench.bus = bench.books.bus = bus = Losing()
    bench.collector = bench.begun()
    bench.turn()
    bus.is_lost = True
    for _ in range(3):
        bench.measure(2)
        bench.turn()
    assert bench.collector.made == 1
    bus.is_lost = False
    bench.turn()
    bench.turn()
    assert [delta.gathered.counted for delta in bench.books.deltas] == [2, 4]


def test_a_builder_that_lost_everything_gets_the_journal_again(bench: Bench) -> None:
    """As far as it is there; caps begin anew, as the windows do."""
    for _ in range(3):
        bench.measure(CAP // 3, client=9)
        bench.turn()
        bench.books.settle()
    bench.books.counted, bench.books.deltas = Counted({}), []
    bench.collector = bench.begun()
    bench.turn()
    assert bench.books.records == 3 * (CAP // 3)
    assert bench.books.deltas[0].sequence == 1
    assert bench.collector.rewound == 1


def test_a_collector_that_lost_everything_goes_on_from_what_was_counted(bench: Bench) -> None:
    """Nothing is counted again."""
    bench.measure(5)
    bench.turn()
    (bench.folder / "collector" / "standing").unlink()
    bench.collector = bench.begun()
    bench.measure(4)
    bench.turn()
    assert [delta.gathered.counted for delta in bench.books.deltas] == [5, 4]
    assert bench.books.deltas[-1].sequence == 2


@pytest.mark.parametrize("damage", [b"of another release", None])
def test_a_kept_delta_that_no_builder_would_take_is_made_anew(bench: Bench, damage: bytes | None) -> None:
    """It and those after it, from the journal: nothing waits for it for ever, and nothing is lost."""
    bench.measure(1)
    bench.turn()
    for count in (2, 4, 8):
        bench.measure(count)
        bench.clock.now += 2
        bench.collector.step(lambda: GROUND)
        bench.bus.receive()  # lost on the way
    path = bench.folder / "collector" / "000000000003.delta"
    path.write_bytes(damage) if damage is not None else path.unlink()
    bench.collector = bench.begun()
    for _ in range(3):
        bench.turn()
    assert bench.books.records == 15
    assert bench.collector.rewound == 1


def test_a_clock_that_ran_ahead_is_forgotten(bench: Bench) -> None:
    """Once it was set back, what comes is counted again, and the cap of clients holds."""
    right = bench.clock.now
    bench.clock.now += 365 * DAY
    bench.measure(1, client=9)
    bench.turn()
    assert bench.books.records == 1
    bench.clock.now = right
    for _ in range(4):
        bench.measure(CAP // 2, client=7)
        bench.turn()
    assert bench.books.records == 1 + CAP


def test_others_acknowledgments_are_overheard(bench: Bench) -> None:
    """They say nothing about us."""
    bench.measure(5)
    bench.bus.ack(Ack("other", Mark(9), 9))
    bench.turn()
    assert bench.books.records == 5


def test_a_delta_that_cannot_be_kept_was_never_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the same records are in the next try, and count once for the cap."""
    bench.turn()
    bench.measure(CAP, client=3)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(arrays, "write", full)
        bench.clock.now += 2
        with pytest.raises(OSError, match="No space left"):
            bench.collector.step(lambda: GROUND)
    bench.turn()
    assert bench.books.records == CAP
