from __future__ import annotations

import json

import pytest

from collectors.feed.load import Load
from collectors.feed.rows import parse
from tests.collectors.observed import DAY, NOON


def loads(*rows: dict[str, object]) -> tuple[tuple[Load, ...], list[str]]:
    body = "\n".join(json.dumps(row) for row in rows).encode()
    result = parse(body, now=NOON, window_seconds=DAY, pops={"tyo"})
    assert result.accepted == ()
    return result.loads, [row.text for row in result.refused]


def row(**changes: object) -> dict[str, object]:
    return {"pop": "tyo", "metric": "load", "sessions": 12, "capacity": 9000, "time": NOON - 5} | changes


def test_a_load_row_is_no_measurement() -> None:
    """It has no network and no value; a host is named where a POP has several; no clock runs ahead."""
    made, wrong = loads(row(), row(host="h2", sessions="3", time=NOON + 10))
    assert made == (Load("tyo", "", 12, 9000, NOON - 5), Load("tyo", "h2", 3, 9000, NOON))
    assert wrong == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sessions": -1}, "sessions: expected 0"),
        ({"sessions": None}, "sessions: expected 0"),
        ({"capacity": 0}, "capacity: expected 1 to 1e9, got 0"),
        ({"capacity": 1e-320}, "capacity: expected 1 to 1e9"),  # the share of it would be infinite
        ({"capacity": "lots"}, "capacity: expected 1 to 1e9"),
        ({"host": "h" * 65}, "host: at most 64"),
        ({"pop": "oslo"}, "no POP"),
        ({"time": "noon"}, "time: expected"),
        ({"time": NOON - 2 * DAY}, "h old"),
    ],
)
def test_wrong_loads_are_refused_with_what_was_expected(changes: dict[str, object], text: str) -> None:
    """Nothing of such a row is taken."""
    made, wrong = loads(row(**changes))
    assert made == ()
    assert text in wrong[0]


def test_csv_with_names_can_hold_loads() -> None:
    """Beside measurements; cells that a row does not need are empty."""
    text = (
        "network,pop,metric,value,time,source,sessions,capacity\n"
        f"133.11.0.0/24,tyo,rtt_ms,12.5,{NOON},session,,\n"
        f",tyo,load,,{NOON},,7,100\n"
    )
    result = parse(text.encode(), now=NOON, window_seconds=DAY, pops={"tyo"})
    assert result.refused == ()
    assert [m.source for m in result.accepted] == ["session"]
    assert result.loads == (Load("tyo", "", 7, 100, NOON),)
