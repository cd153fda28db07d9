"""Whether a POP can serve a new client."""

from __future__ import annotations

import pytest

from gateway.pop.health import BROKER_SECONDS, Health, judge


@pytest.mark.parametrize(
    ("known", "health"),
    [
        ({}, Health(True, "ok")),
        ({"is_drained": True}, Health(True, "draining")),
        ({"is_stopping": True}, Health(False, "stopping")),
        ({"is_full": True}, Health(False, "full")),
        ({"is_full": True, "is_drained": True}, Health(False, "full")),
        ({"broker_silent_seconds": BROKER_SECONDS}, Health(True, "ok")),
        ({"broker_silent_seconds": BROKER_SECONDS + 1}, Health(False, "no broker")),
        ({"broker_silent_seconds": 1e9, "is_stopping": True}, Health(False, "stopping")),
    ],
)
def test_the_written_rules(known: dict[str, object], health: Health) -> None:
    """One row each; a drain by ITM is no failure, a broker may be away for a moment."""
    calm = {"is_stopping": False, "is_full": False, "is_drained": False, "broker_silent_seconds": 0.0}
    assert judge(**(calm | known)) == health  # type: ignore[arg-type]
