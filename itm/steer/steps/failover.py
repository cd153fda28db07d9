"""`failover`: a strict order, as written: the rule's pools, and in each pool its values."""

from __future__ import annotations

from itm.steer.steps.allowed import allowed
from itm.steer.steps.running import Facts, Running


def failover(running: Running, facts: Facts) -> Running:
    """Order by pool and by position in the pool, whatever was measured; demoted POPs stay behind."""
    strict = allowed(running, facts).but(order=facts.terms.rules.position[facts.rule])
    return strict.but(wanted=strict.best())
