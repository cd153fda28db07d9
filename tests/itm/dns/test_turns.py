from __future__ import annotations

from collections.abc import Callable

from itm.dns.turns import MESSAGES, MESSAGES_OF_ONE, Turns


class Loop:
    """What was asked to be called in the next turn."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def soon(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class One:
    """A connection with some messages; it lines up again as long as there are any."""

    def __init__(self, turns: Turns, messages: int) -> None:
        self._turns = turns
        self.messages = messages
        turns.line_up(self)

    def take_turn(self, most: int) -> int:
        count = min(most, self.messages)
        self.messages -= count
        if self.messages:
            self._turns.line_up(self)
        return count


def test_a_hurried_one_does_not_hold_up_others() -> None:
    """It gets a part of the first turn, like everybody else; the loop is asked for one call at a time."""
    loop = Loop()
    turns = Turns(loop.soon)
    hurried, others = One(turns, 1000), [One(turns, 1) for _ in range(3)]
    assert len(loop.calls) == 1
    loop.turn()
    assert hurried.messages == 1000 - MESSAGES_OF_ONE
    assert [one.messages for one in others] == [0, 0, 0]
    while loop.calls:
        assert len(loop.calls) == 1
        loop.turn()
    assert hurried.messages == 0


def test_a_crowd_does_not_hold_up_the_loop() -> None:
    """However many wait, one turn answers so many messages; in the end all are answered, in fair order."""
    loop = Loop()
    turns = Turns(loop.soon)
    crowd = [One(turns, 20) for _ in range(100)]
    rounds = 0
    while loop.calls:
        before = sum(one.messages for one in crowd)
        loop.turn()
        rounds += 1
        assert before - sum(one.messages for one in crowd) <= MESSAGES
        if rounds == 25:
            assert {one.messages for one in crowd} == {4}, "all had one turn before anybody had two"
    assert sum(one.messages for one in crowd) == 0
