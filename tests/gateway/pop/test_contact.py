"""What is told of a server that is away."""

from __future__ import annotations

import logging

import pytest

from gateway.pop.contact import Contact


def test_away_and_back_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is asked meanwhile."""
    contact = Contact("itm.feed", logging.getLogger("t"))
    with caplog.at_level(logging.INFO, logger="t"):
        contact.here()
        for reason in ("refused", "refused", "timeout"):
            contact.away(reason)
        for _ in range(2):
            contact.here()
        contact.away("again")
    told = [(r.levelname, r.getMessage()) for r in caplog.records]
    assert told == [("WARNING", "itm.feed.away"), ("INFO", "itm.feed.back"), ("WARNING", "itm.feed.away")]
