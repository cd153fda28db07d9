"""Whom a POP names to its clients, should it die."""

from __future__ import annotations

import json

import pytest

from gateway.pop.alternates import Alternates
from gateway.protocol.hello import MOST_ALTERNATES, Alternate

STATED = Alternate("other.test", "192.0.2.9", 8443)


def named(*addresses: str) -> bytes:
    """The broker's answer."""
    ones = [{"name": "gw.test", "address": address, "port": 443} for address in addresses]
    return json.dumps({"alternates": ones}).encode()


def test_stated_ones_come_before_those_the_broker_names() -> None:
    """This host itself is not among those the broker names; a later answer replaces the one before."""
    alternates = Alternates((STATED,), ("192.0.2.1:443", "[2001:db8::1]:443"))
    assert alternates.now == (STATED,)
    assert alternates.take(named("192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::2"))
    both = (Alternate("gw.test", "192.0.2.2", 443), Alternate("gw.test", "2001:db8::2", 443))
    assert alternates.now == (STATED, *both)
    assert alternates.take(named("2001:db8::2", "192.0.2.2"))
    assert alternates.now == (STATED, *reversed(both))
    assert alternates.take(named())
    assert alternates.now == (STATED,)


def test_a_client_is_told_no_more_than_it_takes() -> None:
    """And nobody twice."""
    alternates = Alternates((STATED, STATED), ())
    assert alternates.take(named(*(f"192.0.2.{number}" for number in range(1, 40))))
    assert len(alternates.now) == len(set(alternates.now)) == MOST_ALTERNATES


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"[]", b"null", b"{}", b"[" * 9000, b'{"alternates": {}}', b'{"alternates": ["a"]}',
        b'{"alternates": [{"name": "gw.test", "address": "192.0.2.3", "port": 0}]}',
    ],
)  # fmt: skip
def test_what_is_no_answer_changes_nothing(body: bytes) -> None:
    """What the broker said last holds."""
    alternates = Alternates((), ())
    assert alternates.take(named("192.0.2.2"))
    assert not alternates.take(body)
    assert alternates.now == (Alternate("gw.test", "192.0.2.2", 443),)
