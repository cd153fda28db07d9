"""Sessions that outlive their POPs: killed without a word, one after the other, while bytes flow."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence

import pytest

from tests.e2e.gateway.clients import Echoing, Exchange, launched
from tests.e2e.gateway.knocks import Knock, Knocks, count, revive, wait_for
from tests.e2e.gateway.stack import Stack
from tests.programs import tail, wait_until


def exchange_through(
    stack: Stack, knocks: Sequence[Knock], *, mega_bytes: int, rate: float, seconds_between: float
) -> tuple[Exchange, int]:
    """Exchange at least so many bytes at `rate` MB/s through the knocks; return what came and the resumes."""
    with launched(stack) as launcher:
        knocking = Knocks(stack, launcher.log)
        echoing = Echoing(launcher.port, mega_bytes=mega_bytes, mega_bytes_per_second=rate, until_enough=True)
        for how in knocks:
            time.sleep(seconds_between)
            knocking.knock(how)
        echoing.enough.set()
        result = echoing.result(60)
        assert launcher.popen.wait(timeout=10) == 0, tail(launcher.log)
        resumes = count(launcher.log, "session.resumed")
    print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms, {resumes} resumes, {result.got:,} bytes")
    return result, resumes


def check(result: Exchange, mega_bytes: int) -> None:
    """Every byte came back, once and in order."""
    assert result.got == result.sent >= mega_bytes * 1_000_000
    assert result.got_sha256 == result.sent_sha256


def test_kill_9_of_the_pop_in_use(stack: Stack) -> None:
    """50 MB each way over four kills: nothing lost, nothing twice."""
    result, resumes = exchange_through(stack, ("kill",) * 4, mega_bytes=50, rate=6, seconds_between=0.7)
    check(result, 50)
    assert resumes == 4
    assert result.longest_gap_seconds < 3


def test_a_pop_that_falls_silent(stack: Stack) -> None:
    """SIGSTOP: no reset comes, so a second path is raced; the stall is the patience and little more."""
    with launched(stack) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=20, mega_bytes_per_second=5, until_enough=True)
        wait_until(lambda: echoing.got > 1_000_000, 10, "bytes come back")
        os.kill(stack.running["pop-a"].popen.pid, signal.SIGSTOP)
        try:
            wait_for(launcher.log, "session.resumed", 1)
            echoing.enough.set()
            result = echoing.result(20)
        finally:
            os.kill(stack.running["pop-a"].popen.pid, signal.SIGCONT)
        print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms")
        check(result, 20)
        assert 0.5 < result.longest_gap_seconds < 2.5
        assert count(launcher.log, "session.resumed") == 1


def test_a_draining_pop_is_left_without_a_pause(stack: Stack) -> None:
    """SIGTERM: the session moves before its old wire ends, then the POP leaves by itself."""
    pop = stack.running["pop-a"]
    with launched(stack) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=20, mega_bytes_per_second=5, until_enough=True)
        wait_until(lambda: echoing.got > 1_000_000, 10, "bytes come back")
        pop.popen.send_signal(signal.SIGTERM)
        wait_for(launcher.log, "session.resumed", 1)
        echoing.enough.set()
        result = echoing.result(20)
        print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms")
        check(result, 20)
        assert count(launcher.log, "session.resumed") == 1, tail(launcher.log)
        assert count(launcher.log, "wire.lost") == 0, tail(launcher.log)
        assert result.longest_gap_seconds < 0.5
    assert pop.popen.wait(timeout=10) == 0, tail(pop.log)
    revive(stack, "pop-a")


@pytest.mark.long
def test_1_gb_each_way_while_pops_die(stack: Stack) -> None:
    """A POP dies every few seconds, by SIGKILL, by SIGSTOP, or wakes again with old bytes in its buffers."""
    started = time.monotonic()
    knocks: tuple[Knock, ...] = ("kill", "stop", "kill", "freeze") * 5
    result, resumes = exchange_through(stack, knocks, mega_bytes=1000, rate=12, seconds_between=2.0)
    check(result, 1000)
    assert resumes == len(knocks)
    assert result.longest_gap_seconds < 5
    assert time.monotonic() - started < 180
