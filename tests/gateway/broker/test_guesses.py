from __future__ import annotations

import logging

import pytest

from gateway.broker.guesses import Guesses
from tests.gateway.broker.world import Clock


def test_over_the_limit_there_is_one_alarm_per_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Per POP; the next minute begins anew."""
    clock = Clock()
    guesses = Guesses(clock, limit=3)
    with caplog.at_level(logging.WARNING):
        assert [guesses.add("fra") for _ in range(5)] == [False, False, False, True, True]
        assert not guesses.add("ams")
        assert (guesses.wrong, guesses.alarms) == (6, 1)
        clock.now += 60
        assert [guesses.add("fra") for _ in range(4)] == [False, False, False, True]
    assert guesses.alarms == 2
    assert [record.message for record in caplog.records] == ["tickets.guessed"] * 2
