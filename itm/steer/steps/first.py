"""`first`: one candidate and no more; behind it stands the order that all clients of the rule share.

Lists that agree in their first POP become one leaf, and networks with one leaf one scope: fewer distinct
answers for resolvers to cache. The price is paid only when that POP dies: then its clients go where the
world at large would, not where each of them is second nearest.
"""

from __future__ import annotations

import numpy as np

from itm.steer.steps.running import Facts, Running


def first(running: Running, facts: Facts) -> Running:
    """Leave the first candidate of every row, or those that share; nobody is out, so the tail answers."""
    return running.but(is_alone=np.ones(len(facts.rule), dtype=bool))
