"""What is known of a POP becomes one state: where its addresses stand and an override in, `PopHealth` out.

There is one standing per address that is checked, the word of all agents about it. The rules, in order:
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

from collectors.probe.quorum import told
from collectors.probe.standing import Standing
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


def fold(standings: Mapping[str, Standing], override: Override | None, now: float) -> PopHealth:
    """Return the state of one POP at `now`; `standings` by the address checked, empty without a check."""
    measured = _measured(standings)
    if override is None or (override.expires_at is not None and override.expires_at <= now):
        return measured
    if override.state != State.DRAINED or not (measured.down or measured.state == State.DOWN):
        return PopHealth(override.state, True, _forced(override))
    state = State.DOWN if measured.state == State.DOWN else State.DRAINED
    return PopHealth(state, True, f"{_forced(override)}; and {measured.reason}", measured.down)


def fold_all(
    standings: Mapping[str, Mapping[str, Standing]], overrides: Mapping[str, Override], now: float
) -> dict[str, PopHealth]:
    """Fold every POP of `standings`; overrides of POPs that are not there say nothing."""
    return {pop: fold(of_pop, overrides.get(pop), now) for pop, of_pop in standings.items()}


def is_fail_open(states: Mapping[str, PopHealth]) -> bool:
    """Tell whether every POP is down, so that answers go out as if all were up."""
    return bool(states) and all(health.state == State.DOWN for health in states.values())


def _measured(standings: Mapping[str, Standing]) -> PopHealth:
    failing = {address: standing for address, standing in standings.items() if not standing.up}
    if not standings:
        return PopHealth(State.UP, False, "not checked")
    if not failing:
        return PopHealth(State.UP, False, _passing(standings))
    if len(failing) == len(standings):
        last = max(failing.values(), key=lambda standing: standing.since)
        return PopHealth(State.DOWN, False, f"checks fail {_since(last)}")
    shown = "; ".join(f"{address} {_since(failing[address])}" for address in sorted(failing)[:TOLD])
    more = f"; and {len(failing) - TOLD} more" if len(failing) > TOLD else ""
    reason = f"{len(failing)} of {len(standings)} addresses fail: {shown}{more}"
    return PopHealth(State.UP, False, reason, frozenset(failing))


def _passing(standings: Mapping[str, Standing]) -> str:
    if not any(standing.views for standing in standings.values()):
        return "not checked yet"
    said = sorted({said for standing in standings.values() if (said := _said(standing))})
    notices = sorted({notice for standing in standings.values() for notice in standing.notices})
    return "; ".join(("checks pass", *said[:TOLD], *notices[:TOLD]))


def _since(standing: Standing) -> str:
    why = [text for text in (_said(standing), standing.detail) if text]
    return f"since {_time(standing.since)}" + "".join(f": {text}" for text in why)


def _said(standing: Standing) -> str:
    """Return who said what; nothing when all agree that it is up, or when one decides alone."""
    quorum = standing.quorum
    if not quorum.regions:
        return "no agent reports: the last state stands" if standing.views else ""
    is_united = len({region.voice for region in quorum.regions} | {1 if quorum.up else -1}) == 1
    if is_united and (quorum.up or quorum.agents == 1):
        return ""
    awaited = f"; awaiting {', '.join(quorum.awaited[:TOLD])}" if quorum.awaited else ""
    return told(quorum) + awaited + ("" if quorum.is_decided else ": the last state stands")


def _forced(override: Override) -> str:
    by = f" by {override.author}" if override.author else ""
    until = f" until {_time(override.expires_at)}" if override.expires_at is not None else ""
    why = f": {override.reason}" if override.reason else ""
    return f"forced {override.state.name.lower()}{by}{until}{why}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
