"""What a connector tells of itself."""

from __future__ import annotations

from gateway.connector.health import MOST_COUNTED, Health, busy_percent
from gateway.protocol.codes import CloseCode


def test_failed_opens_of_the_last_minute() -> None:
    """Those of the VDA's, the POP's or our own making; they are forgotten after a minute."""
    now = [0.0]
    health = Health(lambda: now[0], busy=lambda: 12)
    for code in (CloseCode.VDA_REFUSED, CloseCode.POP_LOST, CloseCode.CLIENT_GONE):
        health.note(code)
    now[0] = 30.0
    health.note(CloseCode.CONNECTOR_DRAINING)
    health.note(CloseCode.CONNECTOR_TIMEOUT)
    assert (health.failed, health.cpu_percent) == (3, 12)
    now[0] = 61.0
    assert health.failed == 1
    for _ in range(2 * MOST_COUNTED):
        health.note(CloseCode.VDA_TIMEOUT)
    assert health.failed == MOST_COUNTED


def test_this_machine() -> None:
    """A load average per CPU in per cent, whatever it is."""
    assert busy_percent() >= 0
