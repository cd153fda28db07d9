"""What is known of a POP becomes one state: measured verdicts and operator's override in, `PopHealth` out.

There is one verdict per address that is checked. The rules, in order:
1. An override that has expired does not exist.
2. Forced up is up and forced down is down, whatever is measured: the operator knows more.
3. Drained says nothing about health: a drained POP that fails its checks is down, else drained.
4. Without an override: down when every check fails, else up. A POP that nobody checks is up.
5. Of a POP that is neither down nor forced up, the addresses whose checks fail are down.

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
TOLD = 3
"""Failing addresses named in a reason; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's word about one POP; `expires_at` in seconds since the epoch, None: until cleared."""

    state: State
    reason: str = ""
    author: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class PopHealth:
    """The state of one POP, whether an operator forced it, and why it is so, as a sentence.

    `down` are the addresses that are down of a POP that is not.
    """

    state: State
    forced: bool
    reason: str
    down: frozenset[str] = frozenset()


def fold(verdicts: Mapping[str, Verdict], override: Override | None, now: float) -> PopHealth:
    """Return the state of one POP at `now`; `verdicts` by the address checked, empty without a check."""
    measured = _measured(verdicts)
    if override is None or (override.expires_at is not None and override.expires_at <= now):
        return measured
    if override.state != State.DRAINED or not (measured.down or measured.state == State.DOWN):
        return PopHealth(override.state, True, _forced(override))
    state = State.DOWN if measured.state == State.DOWN else State.DRAINED
    return PopHealth(state, True, f"{_forced(override)}; and {measured.reason}", measured.down)


def fold_all(
    verdicts: Mapping[str, Mapping[str, Verdict]], overrides: Mapping[str, Override], now: float
) -> dict[str, PopHealth]:
    """Fold every POP of `verdicts`; overrides of POPs that are not there say nothing."""
    return {pop: fold(verdict, overrides.get(pop), now) for pop, verdict in verdicts.items()}


def is_fail_open(states: Mapping[str, PopHealth]) -> bool:
    """Tell whether every POP is down, so that answers go out as if all were up."""
    return bool(states) and all(health.state == State.DOWN for health in states.values())


def _measured(verdicts: Mapping[str, Verdict]) -> PopHealth:
    failing = {address: verdict for address, verdict in verdicts.items() if not verdict.up}
    if not verdicts:
        return PopHealth(State.UP, False, "not checked")
    if not failing:
        is_checked = any(verdict.checks for verdict in verdicts.values())
        notices = sorted({verdict.notice for verdict in verdicts.values() if verdict.notice})
        return PopHealth(
            State.UP, False, "; ".join(("checks pass" if is_checked else "not checked yet", *notices))
        )
    if len(failing) == len(verdicts):
        last = max(failing.values(), key=lambda verdict: verdict.since)
        return PopHealth(State.DOWN, False, f"checks fail {_since(last)}")
    told = "; ".join(f"{address} {_since(failing[address])}" for address in sorted(failing)[:TOLD])
    more = f"; and {len(failing) - TOLD} more" if len(failing) > TOLD else ""
    reason = f"{len(failing)} of {len(verdicts)} addresses fail: {told}{more}"
    return PopHealth(State.UP, False, reason, frozenset(failing))


def _since(verdict: Verdict) -> str:
    return f"since {_time(verdict.since)}" + (f": {verdict.detail}" if verdict.detail else "")


def _forced(override: Override) -> str:
    by = f" by {override.author}" if override.author else ""
    until = f" until {_time(override.expires_at)}" if override.expires_at is not None else ""
    why = f": {override.reason}" if override.reason else ""
    return f"forced {override.state.name.lower()}{by}{until}{why}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
