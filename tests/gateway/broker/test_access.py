from __future__ import annotations

import pytest

from gateway.broker.access import MAX_NAMES, LoginLimit
from gateway.errors import Refused
from tests.gateway.broker.world import Clock


def test_a_name_waits_for_the_next_minute() -> None:
    """Ten failures close a name for the rest of the window, and no other name."""
    clock = Clock()
    logins = LoginLimit(clock)
    for _ in range(10):
        logins.check("alice")
        logins.failed("alice")
    with pytest.raises(Refused):
        logins.check("alice")
    logins.check("bob")
    clock.now += 60
    logins.check("alice")


def test_many_names_do_not_fill_the_memory() -> None:
    """Past the table's size, new names share one row; those known before keep theirs."""
    logins = LoginLimit(Clock())
    for number in range(MAX_NAMES + 10):
        logins.failed(str(number))
    logins.check("1")
    with pytest.raises(Refused):
        logins.check("a new name")
