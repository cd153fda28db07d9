from __future__ import annotations

from gateway.broker import offers
from gateway.workspace.kinds import KINDS, OTHER, kind_of


def test_every_kind_has_words() -> None:
    """What the broker calls a kind has words of its own; anything else is a service."""
    assert {offers.kind_of(port) for port in offers.KINDS} | {"vnc"} <= set(KINDS)
    assert kind_of("tcp") == OTHER
