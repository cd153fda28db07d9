"""What is known of a POP becomes one state: measured verdict and operator's override in, `PopHealth` out.

The rules, in order:
1. An override that has expired does not exist.
2. Forced up is up and forced down is down, whatever is measured: the operator knows more.
3. Drained says nothing about health: a drained POP that fails its checks is down, else drained.
4. Without an override: down when the checks say so, else up. A POP that nobody checks is up.

Pure: no clock, no table, no network. `degraded` has no source among these inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.probe.threshold import Verdict
from itm.routemap.health import State

FORCIBLE = {"up": State.UP, "drained": State.DRAINED, "down": State.DOWN}
"""The states an operator may force, by their word."""


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's word about one POP; `expires_at` in seconds since the epoch, None: until cleared."""

    state: State
    reason: str = ""
    author: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class PopHealth:
    """The state of one POP, whether an operator forced it, and why it is so, as a sentence."""

    state: State
    forced: bool
    reason: str


def fold(verdict: Verdict | None, override: Override | None, now: float) -> PopHealth:
    """Return the state of one POP at `now`; `verdict` is None for a POP without a check."""
    if override is None or (override.expires_at is not None and override.expires_at <= now):
        return _measured(verdict)
    if override.state == State.DRAINED and verdict is not None and not verdict.up:
        return PopHealth(State.DOWN, True, f"{_forced(override)}; and {_measured(verdict).reason}")
    return PopHealth(override.state, True, _forced(override))


def fold_all(
    verdicts: Mapping[str, Verdict | None], overrides: Mapping[str, Override], now: float
) -> dict[str, PopHealth]:
    """Fold every POP of `verdicts`; overrides of POPs that are not there say nothing."""
    return {pop: fold(verdict, overrides.get(pop), now) for pop, verdict in verdicts.items()}


def is_fail_open(states: Mapping[str, PopHealth]) -> bool:
    """Tell whether every POP is down, so that answers go out as if all were up."""
    return bool(states) and all(health.state == State.DOWN for health in states.values())


def _measured(verdict: Verdict | None) -> PopHealth:
    if verdict is None:
        return PopHealth(State.UP, False, "not checked")
    if verdict.up:
        return PopHealth(State.UP, False, "checks pass" if verdict.checks else "not checked yet")
    why = f": {verdict.detail}" if verdict.detail else ""
    return PopHealth(State.DOWN, False, f"checks fail since {_time(verdict.since)}{why}")


def _forced(override: Override) -> str:
    by = f" by {override.author}" if override.author else ""
    until = f" until {_time(override.expires_at)}" if override.expires_at is not None else ""
    why = f": {override.reason}" if override.reason else ""
    return f"forced {override.state.name.lower()}{by}{until}{why}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
