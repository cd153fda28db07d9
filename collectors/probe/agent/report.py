"""What an agent reports, as JSON: outcomes, each with its age, under a run and a sequence number.

Ages in place of times: the two clocks need not agree. A run is one life of an agent's process; within it the
sequence only grows, so that a report that was sent twice counts once. Texts of an agent are cut to what a
person reads, and hold nothing that could not be printed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from collectors.probe.agent import form
from collectors.probe.outcome import Outcome

MOST_OUTCOMES: Final = 1000
"""In one report: twice what an agent sends at once, small enough to be read between two other requests."""
MOST_CHARACTERS: Final = 200
"""Of an outcome's reason: it is shown in a table and kept per address."""
LONGEST_TEXT: Final = 10_000
"""What a reason may have before it is cut: another release's agent may cut later than ours."""
OLDEST_SECONDS: Final = 3600.0
"""An older outcome says nothing of now; so long an agent may have been cut off."""
LATEST_SEQUENCE: Final = 2**53
"""Beyond it, JSON readers that know only doubles no longer tell two numbers apart."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One outcome; `age_seconds` when the report left."""

    pop: str
    address: str
    outcome: Outcome
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Outcomes in the order of time; `plan` is the version that they were made by, empty: none yet."""

    run: str
    sequence: int
    plan: str
    observed: tuple[Observed, ...]


def encode(report: Report) -> bytes:
    """Return the JSON text."""
    outcomes = [_shown(each) for each in report.observed]
    whole = {"run": report.run, "sequence": report.sequence, "plan": report.plan, "outcomes": outcomes}
    return json.dumps(whole).encode()


def decode(body: bytes) -> Report:
    """Return the report. Raises `FormError` naming the first thing that is wrong."""
    whole = form.parse(body, "report")
    outcomes = form.sequence(whole.get("outcomes"), "outcomes", MOST_OUTCOMES)
    return Report(
        form.text(whole.get("run"), "run", 32),
        int(form.number(whole.get("sequence"), "sequence", 1, LATEST_SEQUENCE)),
        form.text(whole.get("plan"), "plan", 64),
        tuple(_observed(each, f"outcomes[{index}]") for index, each in enumerate(outcomes)),
    )


def _shown(each: Observed) -> dict[str, Any]:
    outcome = each.outcome
    shown = {
        "pop": each.pop,
        "address": each.address,
        "up": outcome.up,
        "elapsed_ms": round(outcome.elapsed_ms, 3),
        "age_seconds": round(min(each.age_seconds, OLDEST_SECONDS), 3),
        "detail": outcome.detail[:MOST_CHARACTERS],
        "notice": outcome.notice[:MOST_CHARACTERS],
        "days_left": outcome.days_left,
    }
    return {name: value for name, value in shown.items() if value not in ("", None)}


def _observed(value: object, where: str) -> Observed:
    given = form.mapping(value, where)
    days = given.get("days_left")
    outcome = Outcome(
        form.truth(given.get("up"), f"{where}.up"),
        form.number(given.get("elapsed_ms"), f"{where}.elapsed_ms", 0, 3_600_000),
        _words(given.get("detail", ""), f"{where}.detail"),
        _words(given.get("notice", ""), f"{where}.notice"),
        None if days is None else form.number(days, f"{where}.days_left", -1e6, 1e6),
    )
    return Observed(
        form.text(given.get("pop"), f"{where}.pop", 32),
        form.text(given.get("address"), f"{where}.address", 45),
        outcome,
        form.number(given.get("age_seconds"), f"{where}.age_seconds", 0, OLDEST_SECONDS),
    )


def _words(value: object, where: str) -> str:
    given = form.text(value, where, LONGEST_TEXT)[:MOST_CHARACTERS]
    return "".join(character if character.isprintable() else "?" for character in given)
