"""The steering steps, one file and one function each; the order that runs is the service's `steer` list.

The law of the chain: a step may drop a POP from the running (`tier`), put one first (`first`) or
leave everything alone; it never invents a POP and never reads what a later step will do.
`up` stands first in every chain and acts last: on the finished candidate list, at answer time, so that
a POP's death needs no rebuild (`itm.routemap.mask`).
"""

from itm.steer.steps.allowed import allowed
from itm.steer.steps.available import available
from itm.steer.steps.capacity import capacity
from itm.steer.steps.cost import cost
from itm.steer.steps.failover import failover
from itm.steer.steps.fastest import fastest
from itm.steer.steps.first import first
from itm.steer.steps.joint import joint
from itm.steer.steps.own import own
from itm.steer.steps.running import GONE_POP, NO_POP, Facts, Grants, PopFacts, Rest, RuleFacts, Running, Terms
from itm.steer.steps.sticky import sticky
from itm.steer.steps.up import up
from itm.steer.steps.weighted import weighted

BUILD_STEPS = {
    "allowed": allowed,
    "available": available,
    "fastest": fastest,
    "joint": joint,
    "capacity": capacity,
    "cost": cost,
    "weighted": weighted,
    "failover": failover,
    "sticky": sticky,
    "first": first,
}
"""What runs in a build, by the name in a chain."""

__all__ = [
    "BUILD_STEPS",
    "GONE_POP",
    "NO_POP",
    "Facts",
    "Grants",
    "PopFacts",
    "Rest",
    "RuleFacts",
    "Running",
    "Terms",
    "allowed",
    "available",
    "capacity",
    "cost",
    "failover",
    "fastest",
    "first",
    "joint",
    "own",
    "sticky",
    "up",
    "weighted",
]
