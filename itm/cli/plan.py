"""A Plan as a person reads it: what moves, what that gains and costs, which POPs' loads change most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = 5  # POPs per class


def plan_lines(plan: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return lines for the `plan` of a catalog version: steering class -> its Plan's fields."""
    return [line for name, fields in plan.items() for line in _class_lines(name, fields)]


def _class_lines(name: str, fields: Mapping[str, Any]) -> list[str]:
    moved = f"{fields['moved_share']:.1%} of demand changes its POP"
    gain = f"{fields['gained_ms']:z.2f} ms gained and {fields['lost_ms']:z.2f} ms lost on average"
    joint = fields.get("joint_gain_ms", 0.0)
    behind = f"; counting the leg behind the POP saves {joint:.2f} ms of the whole way" if joint else ""
    return [f"  {name}: {moved}; {gain}{behind}", *_load_lines(fields["load_before"], fields["load"])]


def _load_lines(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    change = {pop: after.get(pop, 0.0) - before.get(pop, 0.0) for pop in {*before, *after}}
    most = sorted(
        (pop for pop in change if abs(change[pop]) >= 0.0005), key=lambda pop: (-abs(change[pop]), pop)
    )
    return [
        f"    {pop}: {before.get(pop, 0.0):.1%} -> {after.get(pop, 0.0):.1%} of demand"
        for pop in most[:SHOWN]
    ]
