"""The receiving half of a resumable stream."""

from __future__ import annotations

import pytest

from gateway.protocol.budget import CEILING, FLOOR, START, Budget
from gateway.protocol.intake import ACK_BYTES, Intake


def received(intake: Intake, size: int) -> None:
    intake.check(intake.received, size)
    intake.received += size


def test_the_window_starts_at_the_floor_and_goes_to_a_mebibyte_with_the_first_bulk() -> None:
    """An idle or interactive session promises no more than the floor."""
    intake = Intake(Budget())
    received(intake, 100)
    intake.consume(100)
    assert not intake.is_ack_due
    assert intake.announce() == (100, 100 + FLOOR, False)
    received(intake, ACK_BYTES)
    intake.consume(ACK_BYTES)
    assert intake.is_ack_due
    assert intake.announce() == (100 + ACK_BYTES, 100 + ACK_BYTES + START, False)


def test_a_blocked_sender_doubles_the_window_once_per_window() -> None:
    """Not again before it is blocked at the new limit, and not while the program is behind."""
    intake = Intake(Budget())
    received(intake, FLOOR)
    intake.grow(FLOOR)  # the program has taken nothing yet
    assert intake.announce() == (0, FLOOR, False)
    intake.consume(FLOOR)
    intake.announce()
    limit = intake.limit
    intake.grow(limit)
    intake.grow(limit)
    intake.announce()
    assert intake.limit == FLOOR + 2 * START
    for _ in range(10):
        received(intake, intake.limit - intake.received)
        intake.consume(intake.received - intake.consumed)
        intake.announce()
        intake.grow(intake.limit)
        intake.announce()
    assert intake.limit - intake.consumed == CEILING


def test_the_limit_never_falls() -> None:
    """A window that must shrink stops the limit from rising, until what was promised is used up."""
    budget = Budget(64 * START)
    intake = Intake(budget)
    received(intake, FLOOR)
    intake.consume(FLOOR)
    intake.announce()
    promised = intake.limit
    budget.lent_bytes += 60 * START  # others came
    received(intake, ACK_BYTES)
    intake.consume(ACK_BYTES)
    intake.announce()
    assert intake.limit == promised
    received(intake, promised - intake.received)
    intake.consume(intake.received - intake.consumed)
    intake.announce()
    assert intake.limit == promised + FLOOR
    assert budget.lent_bytes == 60 * START


def test_the_end_of_stream_counts_when_everything_is_consumed() -> None:
    """It is known once, and acknowledged after the last byte."""
    intake = Intake(Budget())
    received(intake, 5)
    assert intake.finish(5)
    assert not intake.finish(5)
    assert intake.is_finished
    assert not intake.fin_seen
    intake.consume(5)
    assert intake.is_ack_due
    assert intake.announce() == (5, 5 + FLOOR, True)
    assert not intake.has_news
    with pytest.raises(ValueError, match="after the end"):
        intake.check(5, 1)
