"""The `steer:` of a service: its chain of steps, what is said to each, and the order in which they can work.

A step is its name, or `{name: {…}}` with settings. `own:NAME` is a step of the operator's, which only the
server that runs it can find.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from itm.catalog.cursor import Cursor, suggest
from itm.catalog.types import DEFAULT_STEER, OWN_PREFIX, STEPS, UNTUNED, Margin, Pop, Tuning

SETTINGS: Final = {"available": ("threshold", "samples"), "fastest": ("handicap",), "cost": ("trade",)}

LEAST_SAMPLES: Final = 20
"""Fetches below which a share of successes is not even laid out for the steps (C15's minimum)."""

MOST_MS: Final = 10_000.0

BEHIND: Final = {
    "joint": ("fastest",),
    "capacity": ("allowed", "available", "fastest", "joint"),
    "cost": ("allowed", "available", "fastest", "joint"),
    "weighted": ("allowed", "available", "fastest", "joint", "cost"),
    "failover": ("allowed", "available", "fastest"),
    "sticky": ("allowed", "available", "fastest", "joint", "capacity", "cost", "weighted"),
}
"""Steps whose outcome a step reads: where they are in the chain, they stand before it."""

IN_MS: Final = {
    "joint": "adds the leg to a Resource Location to the client's",
    "capacity": "weighs what it costs to move clients",
    "cost": "trades milliseconds for money",
    "sticky": "weighs the gain of a move",
}
"""Steps that read milliseconds, which `fastest` makes."""

STRICT: Final = ("joint", "capacity", "cost", "weighted", "sticky")
"""What says nothing beside a strict order."""

_OWN = re.compile(re.escape(OWN_PREFIX) + r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Chain:
    """The names of steps in order, and the cursors of what is said to them."""

    steps: tuple[str, ...]
    settings: Mapping[str, Cursor]


def read_chain(cursor: Cursor | None) -> Chain:
    """Return the chain of a service, the default one where `steer` is not stated."""
    if cursor is None:
        return Chain(DEFAULT_STEER, {})
    steps: list[str] = []
    settings: dict[str, Cursor] = {}
    for item in cursor.items(least=1):
        name, said = _read_step(item)
        if name in steps:
            item.refuse(f"the step {name!r} stands twice")
        elif name:
            _check_place(item, name, steps)
            steps.append(name)
            settings |= {} if said is None else {name: said}
    if "failover" in steps and (company := [name for name in steps if name in STRICT]):
        cursor.refuse(
            f"`failover` knows no equals, and {company[0]!r} chooses among them: name one of the two"
        )
    return Chain(tuple(steps), settings)


def read_tuning(chain: Chain, pools: Collection[str], pops: Sequence[Pop]) -> Tuning:
    """Return what the service says to its steps."""
    tuning = UNTUNED
    for step, cursor in chain.settings.items():
        fields = cursor.fields(SETTINGS[step])
        if "threshold" in fields:
            tuning = replace(tuning, threshold=fields["threshold"].number(0, 1))
        if "samples" in fields:
            tuning = replace(tuning, samples=fields["samples"].number(LEAST_SAMPLES, 1e9))
        if "trade" in fields:
            tuning = replace(tuning, trade=_margin(fields["trade"], 0.0))
        if "handicap" in fields:
            tuning = _handicapped(tuning, fields["handicap"], pools, pops)
    return tuning


def _handicapped(tuning: Tuning, cursor: Cursor, pools: Collection[str], pops: Sequence[Pop]) -> Tuning:
    fields = cursor.fields(("pops", "pools"))
    known = {"pops": [pop.id for pop in pops], "pools": list(pools)}
    margins = {}
    for key, noun in (("pops", "POP"), ("pools", "pool of this service")):
        entries = fields[key].entries() if key in fields else {}
        for name, entry in entries.items():
            if name not in known[key]:
                entry.refuse(f"no {noun} {name!r}{suggest(name, known[key])}")
        margins[key] = tuple((name, _margin(entry, -MOST_MS)) for name, entry in entries.items())
    return replace(tuning, pop_handicaps=margins["pops"], pool_handicaps=margins["pools"])


def _margin(cursor: Cursor, least_ms: float) -> Margin:
    """Read `12` (ms) or `15%` (of the time it is added to)."""
    text = cursor.value
    if isinstance(text, str) and text.endswith("%"):
        try:
            percent = replace(cursor, value=float(text[:-1])).number(max(least_ms, -90.0), 1_000)
        except ValueError:
            cursor.refuse(f"expected a percentage such as 15%, got {text!r}")
            percent = 0.0
        return Margin(share=percent / 100)
    return Margin(ms=cursor.number(least_ms, MOST_MS))


def _read_step(cursor: Cursor) -> tuple[str, Cursor | None]:
    """Return the name of a step and what is said to it; an empty name after refusing."""
    if not isinstance(cursor.value, dict):
        return _step_name(cursor), None
    entries = cursor.entries()
    if len(entries) != 1:
        cursor.refuse("expected one step with its settings, as in `available: {threshold: 0.9}`")
        return "", None
    name, said = next(iter(entries.items()))
    if _step_name(replace(cursor, value=name)) and name not in SETTINGS:
        said.refuse(f"the step {name!r} has no settings")
        return name, None
    return (name, said) if name in SETTINGS else ("", None)


def _step_name(cursor: Cursor) -> str:
    if isinstance(cursor.value, str) and cursor.value.startswith(OWN_PREFIX):
        if _OWN.fullmatch(cursor.value):
            return cursor.value
        cursor.refuse(f"an own step is {OWN_PREFIX} and 1 to 64 of A-Z a-z 0-9 . _ -, got {cursor.value!r}")
        return ""
    return cursor.one_of(STEPS)


def _check_place(cursor: Cursor, name: str, before: Sequence[str]) -> None:
    """Refuse a step that cannot work behind those that stand before it."""
    if name == "up" and before:
        cursor.refuse(
            "`up` acts last, at answer time, on whatever the others leave: it stands first or nowhere"
        )
    if "first" in before:
        cursor.refuse(f"`first` leaves one candidate: {name!r} behind it has nothing to choose from")
    if name == "fastest" and (own := next((o for o in before if o.startswith(OWN_PREFIX)), "")):
        cursor.refuse(f"`fastest` makes all scores anew, those of {own!r} among them: put it before")
    if name in IN_MS and "fastest" not in before:
        cursor.refuse(f"{name!r} {IN_MS[name]}: `fastest` must stand before it")
    for other in before:
        if name in BEHIND.get(other, ()) and not (name == "fastest" and other in IN_MS):
            cursor.refuse(f"{other!r} reads what {name!r} leaves: {name!r} must stand before it")
