"""When a wire is asked, raced and given up."""

from __future__ import annotations

from gateway.launch.liveness import Liveness, Patience, Verdict


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def watched() -> tuple[Liveness, Clock]:
    clock = Clock()
    return Liveness(Patience(), clock), clock


def test_an_idle_wire_is_asked_now_and_then() -> None:
    """Silence with nothing outstanding is no reason to move; after 15 s the far end is asked."""
    wire, clock = watched()
    clock.now += 14.9
    assert wire.verdict(False) is Verdict.FINE
    clock.now += 0.1
    assert wire.verdict(False) is Verdict.ASK
    wire.asked()
    clock.now += 0.7
    assert wire.verdict(False) is Verdict.FINE
    clock.now += 0.8
    assert wire.verdict(False) is Verdict.RACE


def test_a_wire_that_falls_silent_is_asked_once() -> None:
    """Nothing of ours is outstanding, but bytes came: dead is told from idle as soon as with an ACK due."""
    wire, clock = watched()
    wire.heard()
    assert wire.verdict(False) is Verdict.FINE
    clock.now += 0.36
    assert wire.verdict(False) is Verdict.ASK
    wire.asked()
    clock.now += 0.38
    assert wire.verdict(False) is Verdict.FINE
    clock.now += 0.02
    assert wire.verdict(False) is Verdict.RACE
    wire.heard()
    wire.heard(is_pong=True)
    assert wire.verdict(False) is Verdict.ASK, "that PONG measured the silence"
    wire.asked()
    wire.heard(is_pong=True)
    clock.now += 14.9
    assert wire.verdict(False) is Verdict.FINE


def test_outstanding_data_without_any_sign() -> None:
    """Asked after 0.35 s, raced after 0.75 s, dead after 6 s: counted from when something was expected."""
    wire, clock = watched()
    clock.now += 10
    assert wire.verdict(True) is Verdict.FINE
    clock.now += 0.36
    assert wire.verdict(True) is Verdict.ASK
    wire.asked()
    clock.now += 0.4
    assert wire.verdict(True) is Verdict.RACE
    clock.now += 5.3
    assert wire.verdict(True) is Verdict.DEAD


def test_a_slow_reader_is_not_dead() -> None:
    """Bytes stay unacknowledged for minutes, but every PING is answered: no race."""
    wire, clock = watched()
    seen = set()
    for _ in range(600):
        clock.now += 0.2
        verdict = wire.verdict(True)
        seen.add(verdict)
        if verdict is Verdict.ASK:
            wire.asked()
            clock.now += 0.05
            wire.heard(is_pong=True)
    assert seen == {Verdict.FINE, Verdict.ASK}
    assert 0.049 < wire.rtt_seconds < 0.051


def test_a_long_round_trip_lengthens_patience() -> None:
    """With 2 s of round trip, a second of silence means nothing."""
    wire, clock = watched()
    wire.asked()
    clock.now += 2.0
    wire.heard(is_pong=True)
    wire.verdict(True)
    clock.now += 2.9
    assert wire.verdict(True) is Verdict.FINE
    clock.now += 0.1
    assert wire.verdict(True) is Verdict.ASK
    wire.asked()
    clock.now += 2.9
    assert wire.verdict(True) is Verdict.FINE
    clock.now += 0.2
    assert wire.verdict(True) is Verdict.RACE


def test_whatever_comes_is_life() -> None:
    """Data from the far end ends the suspicion, also without the PONG."""
    wire, clock = watched()
    wire.verdict(True)
    wire.asked()
    clock.now += 0.7
    wire.heard()
    clock.now += 0.7
    assert wire.verdict(True) is Verdict.FINE


def test_an_outage_is_no_round_trip() -> None:
    """A PONG that came through a cut of 1.8 s: the next cut is raced as soon as the first was."""
    wire, clock = watched()
    wire.heard()
    assert wire.verdict(False) is Verdict.FINE
    clock.now += 0.4
    assert wire.verdict(False) is Verdict.ASK
    wire.asked()
    clock.now += 0.8
    assert wire.verdict(False) is Verdict.RACE
    clock.now += 1.0
    wire.heard(is_pong=True)
    assert wire.rtt_seconds == 0
    assert wire.verdict(False) is Verdict.ASK
    wire.asked()
    clock.now += 0.04
    wire.heard(is_pong=True)
    assert 0.039 < wire.rtt_seconds < 0.041
    wire.heard()
    assert wire.verdict(True) is Verdict.FINE
    clock.now += 0.4
    assert wire.verdict(True) is Verdict.ASK
    wire.asked()
    clock.now += 0.4
    assert wire.verdict(True) is Verdict.RACE


def test_a_long_round_trip_is_learned_though_it_looks_like_an_outage() -> None:
    """Looked at twenty times a second, with 2 s of round trip: raced twice, then it is known."""
    wire, clock = watched()
    answer_at: float | None = None
    raced = []
    for _ in range(600):
        clock.now += 0.05
        if answer_at is not None and clock.now >= answer_at:
            wire.heard(is_pong=True)
            answer_at = None
        verdict = wire.verdict(True)
        if verdict is Verdict.ASK:
            wire.asked()
            answer_at = clock.now + 2.0
        raced += [clock.now] if verdict is Verdict.RACE else []
    assert 1.99 < wire.rtt_seconds < 2.06
    assert max(raced) < 105


def raced_after(wire: Liveness, clock: Clock) -> float:
    """Let it be silent with bytes outstanding; when it is raced."""
    began = clock.now
    while (verdict := wire.verdict(True)) is not Verdict.RACE:
        assert verdict is not Verdict.DEAD
        if verdict is Verdict.ASK:
            wire.asked()
        clock.now += 0.05
    return clock.now - began


def test_wires_that_never_say_a_word_are_given_ever_more_time() -> None:
    """Each was raced before anything came; the first one that speaks ends it."""
    wire, clock = watched()
    times = []
    for _ in range(5):
        times.append(raced_after(wire, clock))
        wire = wire.successor()
    assert [round(seconds, 1) for seconds in times] == [0.8, 1.5, 3.0, 3.0, 3.0]
    wire.heard()
    wire = wire.successor()
    assert raced_after(wire, clock) < 0.81
