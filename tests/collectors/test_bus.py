from __future__ import annotations

from collectors.bus import Ack, InProcess, Mark


def test_in_order_in_both_directions() -> None:
    """What was sent comes first in, first out; nothing where there is nothing."""
    bus = InProcess()
    assert (bus.receive(), bus.acknowledged()) == (None, None)
    assert bus.send(b"1")
    assert bus.send(b"2")
    bus.ack(Ack("one", Mark(1), 0))
    assert (bus.receive(), bus.receive(), bus.receive()) == (b"1", b"2", None)
    assert bus.acknowledged() == Ack("one", Mark(1), 0)
