"""The whole Plan of a world that is not live: what its first build would do, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itm.errors import UnsafePlan
from itm.steer.build import ClassBuild
from itm.steer.compare import Reading, differences
from itm.steer.plan import Plan


def whole_plan(before: Reading, after: Reading, builds: Sequence[ClassBuild], limit: float) -> dict[str, Any]:
    """Return the Plan and the `Difference` of every class as JSON-ready data.

    `unsafe` is why `itm catalog apply` would refuse it at this limit, empty if it would not.
    """
    plans = [build.plan for build in builds]
    told = zip(plans, differences(before, after), strict=True)
    return {
        "unsafe": unsafe(plans, limit),
        "classes": [{"plan": plan.as_dict(), "difference": found.as_dict()} for plan, found in told],
    }


def unsafe(plans: Sequence[Plan], limit: float) -> str:
    """Return why these Plans are not safe without force, empty if they are."""
    try:
        for one in plans:
            one.raise_if_unsafe(limit, force=False)
    except UnsafePlan as error:
        return str(error)
    return ""
