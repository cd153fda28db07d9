"""From the catalog to plans of checks: what is checked of each POP, and how.

Of a POP it is the one address that its `healthcheck` names, else each that it is served with. Pure; checks
are made by `collectors.probe.loop`, here and at every agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.catalog.types import HealthCheck, Pop
from itm.config import Probe

EXPECTED: Final = tuple(
    field.name for field in fields(Target) if field.name not in ("address", "timeout_seconds")
)
"""What a check has in common with its target."""


def plan_of(pop: Pop, defaults: Probe) -> ProbePlan | None:
    """Return how to check this POP; None when its catalog entry has no `healthcheck`."""
    wanted = pop.healthcheck
    if wanted is None:
        return None
    addresses = (wanted.address,) if wanted.address else (*pop.ipv4, *pop.ipv6)
    return ProbePlan(
        tuple(_target(wanted, address, defaults) for address in addresses),
        wanted.interval_seconds or defaults.interval_seconds,
        Threshold(wanted.rise or defaults.rise, wanted.fall or defaults.fall),
        wanted.start,
    )


def plans_of(pops: Iterable[Pop], defaults: Probe) -> dict[str, ProbePlan]:
    """Return the plan of every POP that is checked."""
    plans = ((pop.id, plan_of(pop, defaults)) for pop in pops)
    return {pop: plan for pop, plan in plans if plan is not None}


def _target(wanted: HealthCheck, address: str, defaults: Probe) -> Target:
    return Target(
        address=address,
        timeout_seconds=wanted.timeout_seconds or defaults.timeout_seconds,
        **{name: getattr(wanted, name) for name in EXPECTED},
    )
