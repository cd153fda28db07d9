from __future__ import annotations

from collections.abc import Callable

from itm.dns.streams import REST, Streams


class Clock:
    """A loop without one: what is to be called, and when."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.waiting.append((seconds, call))

    def run(self) -> float:
        """Call what waits; return how long it had waited."""
        ((seconds, call),) = self.waiting
        self.waiting = []
        call()
        return seconds


class Sender:
    def __init__(self, clock: Clock, told: list[str], name: str, left: int) -> None:
        self.clock, self.told, self.name, self.left = clock, told, name, left

    def stream(self) -> bool:
        self.clock.now += 0.001
        self.told.append(self.name)
        self.left -= 1
        return self.left > 0


def test_one_message_each_in_turn_and_a_rest_between() -> None:
    """Nobody twice in a row while others wait; three times the work's length is for other packets."""
    clock, told = Clock(), list[str]()
    streams = Streams(clock.later, lambda: clock.now)
    senders = [Sender(clock, told, name, left) for name, left in (("a", 3), ("b", 1), ("c", 2))]
    for one in senders:
        streams.line_up(one)
        streams.line_up(one)  # twice is once
    assert clock.run() == 0
    while clock.waiting:
        assert abs(clock.run() - REST * 0.001) < 1e-9
    assert told == ["a", "b", "c", "a", "c", "a"]
    streams.line_up(Sender(clock, told, "d", 1))
    clock.run()
    assert told[-1] == "d"
    assert not clock.waiting
