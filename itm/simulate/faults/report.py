"""An outcome as a table for a terminal or a page, and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from itm.simulate.faults.outcome import Moving, Outcome
from itm.simulate.faults.strategy import ITM, ROUND_ROBIN, STRATEGIES
from itm.simulate.faults.tally import Line

HEAD = (
    f"{'phase':<12}{'strategy':<12}{'mean':>7}{'p50':>7}{'p90':>7}{'p99':>7}{'regret':>9}{'served':>9}"
    f"{'above room':>12}{'moved':>9}"
)


def as_text(outcome: Outcome) -> str:
    """Return the tables: milliseconds and shares of demand by phase, then how fast demand moved."""
    scenario = outcome.scenario
    parts = [f"{scenario.name}: {scenario.title} {outcome.networks} networks.", "", HEAD]
    parts += [_row(line) for line in outcome.lines]
    if scenario.hit:
        parts += ["", f"{'demand hit by it':<24}{'share':>8}{'50 % moved':>12}{'95 % moved':>12}"]
        parts += [_moved(outcome.moving(name)) for name in STRATEGIES if name != ROUND_ROBIN]
    parts += ["", "regret over all phases, ms: " + ", ".join(_regrets(outcome))]
    if outcome.told:
        parts += ["", *(f"minute {minute:g}: {sentence}" for minute, sentence in outcome.told)]
    return "\n".join(parts)


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return all but the points as JSON-ready data."""
    names = [name for name in STRATEGIES if name != ROUND_ROBIN]
    return {
        "scenario": outcome.scenario.name,
        "networks": outcome.networks,
        "lines": [asdict(line) for line in outcome.lines],
        "moving": [asdict(outcome.moving(name)) for name in names] if outcome.scenario.hit else [],
        "regret_ms": {name: outcome.regret_ms(name) for name in STRATEGIES},
        "told": [{"minute": minute, "text": sentence} for minute, sentence in outcome.told],
    }


def _row(line: Line) -> str:
    churn = "-" if line.strategy == ROUND_ROBIN else f"{line.churn:.1%}"
    numbers = "".join(f"{value:>7.1f}" for value in (line.mean_ms, line.p50_ms, line.p90_ms, line.p99_ms))
    return (
        f"{line.phase:<12}{line.strategy:<12}{numbers}{line.regret_ms:>9.2f}{line.available:>9.2%}"
        f"{line.overload:>12.2%}{churn:>9}"
    )


def _moved(moving: Moving) -> str:
    def minutes(value: float | None) -> str:
        return (
            "never" if value is None else f"{value * 60:.0f} s" if value < 5 else f"{value:.0f} min"
        ).rjust(12)

    return f"{moving.strategy:<24}{moving.hit:>8.1%}{minutes(moving.half)}{minutes(moving.most)}"


def _regrets(outcome: Outcome) -> list[str]:
    names = [ITM, *(name for name in STRATEGIES if name != ITM)]
    return [f"{name} {outcome.regret_ms(name):.2f}" for name in names]
