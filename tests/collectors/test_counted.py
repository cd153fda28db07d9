from __future__ import annotations

from dataclasses import replace

from collectors.bus import Ack, Mark
from collectors.counted import Counted, Turn
from collectors.delta import Delta
from collectors.segments import Position


def numbered(sequence: int, collector: str = "one") -> Delta:
    return replace(Delta.question(collector), sequence=sequence, position=Position(1, 100 * sequence))


def test_numbers_go_up_by_one_for_each_collector() -> None:
    """The next one is counted; what came before is dropped; a gap, or a question, is to be answered."""
    counted = Counted({"one": Mark(4, Position(1, 400))})
    turns = {n: counted.turn(numbered(n)) for n in range(7)}
    assert turns == {
        0: Turn.ASTRAY, 1: Turn.REPEATED, 4: Turn.REPEATED, 2: Turn.REPEATED, 3: Turn.REPEATED,
        5: Turn.NEXT, 6: Turn.ASTRAY,
    }  # fmt: skip
    assert counted.turn(numbered(1, "other")) is Turn.NEXT


def test_what_is_counted_is_durable_once_settled() -> None:
    """Both are told: the one to go on from, the other to let go of."""
    counted = Counted({})
    assert counted.ack("one") == Ack("one", Mark(), 0)
    counted.count(numbered(1))
    assert counted.ack("one") == Ack("one", Mark(1, Position(1, 100)), 0)
    counted.settle()
    counted.count(numbered(2))
    assert counted.ack("one") == Ack("one", Mark(2, Position(1, 200)), 1)
    assert counted.turn(numbered(2)) is Turn.REPEATED
