"""Sessions that outlive their POPs: killed without a word, one after the other, while bytes flow."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.gateway.clients import Echoing, Exchange, launched
from tests.e2e.gateway.stack import Stack
from tests.programs import tail, wait_until


def kill_pops_under(
    stack: Stack, *, mega_bytes: int, kills: int, seconds_between: float
) -> tuple[Exchange, int]:
    """Exchange bytes while the POP in use is killed and started again; return what came and the resumes."""
    rate = mega_bytes / (kills * (seconds_between + 1.5) + 1)
    with launched(stack) as launcher:
        echoing = Echoing(launcher.port, mega_bytes=mega_bytes, mega_bytes_per_second=rate, until_enough=True)
        connector = stack.running["connector"]
        for number in range(kills):
            time.sleep(seconds_between)
            in_use = ("pop-a", "pop-b")[number % 2]
            stack.running[in_use].kill()
            wait_for(launcher.log, "session.resumed", number + 1)
            lines = count(connector.log, "control.standing")
            stack.restart(in_use)
            wait_for(connector.log, "control.standing", lines + 1)
        echoing.enough.set()
        result = echoing.result(60)
        assert launcher.popen.wait(timeout=10) == 0, tail(launcher.log)
        return result, count(launcher.log, "session.resumed")


def count(log: Path, event: str) -> int:
    return log.read_text().count(event)


def wait_for(log: Path, event: str, times: int) -> None:
    wait_until(lambda: count(log, event) >= times, 10, f"{event} {times} times:\n{tail(log)}")


def check(result: Exchange, mega_bytes: int) -> None:
    assert result.got == result.sent >= mega_bytes * 1_000_000
    assert result.got_sha256 == result.sent_sha256


def test_kill_9_of_the_pop_in_use(stack: Stack) -> None:
    """50 MB each way over four kills: nothing lost, nothing twice."""
    result, resumes = kill_pops_under(stack, mega_bytes=50, kills=4, seconds_between=0.7)
    print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms, {resumes} resumes")
    check(result, 50)
    assert resumes >= 4
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
    lines = count(stack.running["connector"].log, "control.standing")
    stack.restart("pop-a")
    wait_for(stack.running["connector"].log, "control.standing", lines + 1)


@pytest.mark.long
def test_kill_9_again_and_again(stack: Stack) -> None:
    """1 GB each way over twenty kills."""
    result, resumes = kill_pops_under(stack, mega_bytes=1000, kills=20, seconds_between=1.5)
    print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms, {resumes} resumes")
    check(result, 1000)
    assert resumes >= 20
