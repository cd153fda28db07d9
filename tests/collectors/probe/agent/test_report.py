from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.errors import FormError
from collectors.probe.agent.report import Observed, Report, decode, encode
from collectors.probe.outcome import Outcome

GOOD = Observed("fra", "192.0.2.1", Outcome(True, 12.5, notice="soon", days_left=3.5), 0.25)
BAD = Observed("fra", "2001:db8::1", Outcome(False, 2000.0, "connection refused"), 0.0)
REPORT = Report("a1", 7, "v1", (GOOD, BAD))


def test_a_report_arrives_as_it_left() -> None:
    """With everything that an outcome says."""
    assert decode(encode(REPORT)) == REPORT
    assert decode(encode(Report("a1", 1, "", ()))).observed == ()


def test_texts_are_cut_and_hold_nothing_that_cannot_be_printed() -> None:
    """An agent writes into logs and terminals; it gets a line's worth of letters."""
    loud = Observed("fra", "a", Outcome(False, 1.0, "\x1b[2J" + "x" * 500), 9e9)
    (sent,) = json.loads(encode(Report("a1", 1, "", (loud,))))["outcomes"]
    assert (len(sent["detail"]), sent["age_seconds"]) == (200, 3600)
    sent["detail"] = loud.outcome.detail
    (read,) = decode(body([sent])).observed
    assert (read.outcome.detail[:5], len(read.outcome.detail)) == ("?[2Jx", 200)


def body(outcomes: object, **fields: Any) -> bytes:
    return json.dumps({"run": "a1", "sequence": 1, "plan": "v1", "outcomes": outcomes} | fields).encode()


ONE = {"pop": "fra", "address": "a", "up": True, "elapsed_ms": 1, "age_seconds": 0}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"\xff", "report: not JSON"),
        (b"[" * 100_000, "report: not JSON"),
        (body({}), "outcomes: expected a list, got dict"),
        (body([ONE] * 1001), "outcomes: 1001 values; at most 1000"),
        (body([], run=5), "run: expected a text, got int"),
        (body([], run="x" * 33), "run: longer than 32 characters"),
        (body([], sequence=0), "sequence: expected 1 to"),
        (body([], sequence=True), "sequence: expected a number"),
        (body(["x"]), "outcomes[0]: expected an object, got str"),
        (body([ONE, ONE | {"up": "yes"}]), "outcomes[1].up: expected true or false, got str"),
        (body([ONE | {"elapsed_ms": -1}]), "outcomes[0].elapsed_ms: expected 0 to"),
        (body([ONE | {"age_seconds": 3601}]), "outcomes[0].age_seconds: expected 0 to 3600"),
        (body([ONE | {"pop": "x" * 33}]), "outcomes[0].pop: longer than 32 characters"),
        (body([ONE | {"detail": ["x"]}]), "outcomes[0].detail: expected a text, got list"),
        (body([ONE | {"days_left": "x"}]), "outcomes[0].days_left: expected a number"),
        (b'{"run": "a", "sequence": 1, "plan": "", "outcomes": [{"up": true, "elapsed_ms": NaN}]}',
         "outcomes[0].elapsed_ms: expected 0 to 3.6e+06, got nan"),
        (body([], sequence=10**400), "sequence: expected 1 to 9.0072e+15, got 1000000000"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_named(text: bytes, fault: str) -> None:
    """The first thing that is wrong, with its path."""
    with pytest.raises(FormError) as error:
        decode(text)
    assert str(error.value).startswith(fault)
