"""How certain a row's answer is to stay: the class of its TTL, from the decision alone.

A resolver keeps an answer for its TTL, and a change reaches nobody before. So an answer may live longer the
less likely it is to change: by how far the best rival lies behind (`gap`), against what the two estimates
leave open (`doubt`: from the first's estimate up to its `high`, and from the rival's down to its `low`:
quartiles where it is predicted, what order statistics leave open of the quartile where it is measured).

    class 0  moved in this build, wanted elsewhere, answered by shares, moved by capacity, or a gap below half
             the doubt: the least TTL
    class 1  half the doubt or more
    class 2  all of it: the intervals do not meet
    class 3  twice of it, or all of it where both were measured; or there is no rival

What is served while a POP is not up has the least TTL whatever its class (`itm.routemap.mask`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps import NO_POP, Facts, Running
from itm.steer.steps.fastest import stretch

STEPS_OF_DOUBT: Final = (0.5, 1.0, 2.0)
"""Gaps, in doubts, from which the classes 1, 2 and 3 begin. Of two normal values a quartile apart each, at
all of the doubt one pair in six stands the other way round, at twice of it one in thirty-five.
"""


def certainty(
    running: Running, facts: Facts, ranks: npt.NDArray[np.uint16], shares: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Return the class of TTL of every row, 0 for the least; `ranks` and `shares` are what was decided."""
    rows, first = np.arange(len(ranks)), ranks[:, 0]
    head = np.where(first == NO_POP, 0, first)
    rivals = np.where(_is_rival(running, head), running.score, np.float32(np.inf))
    rival = rivals.argmin(axis=1)
    estimate = facts.estimate
    gap = rivals[rows, rival] - running.score[rows, head]
    up = np.maximum(estimate.high[rows, head] - estimate.rtt[rows, head], 0)
    down = np.maximum(estimate.rtt[rows, rival] - estimate.low[rows, rival], 0)
    doubt = up * stretch(facts, head) + down * stretch(facts, rival)
    found = sum((gap >= step * doubt).astype(np.uint8) for step in STEPS_OF_DOUBT)
    both = (estimate.weight[rows, head] > 0) & (estimate.weight[rows, rival] > 0)
    found = np.where(both & (found == 2), np.uint8(3), found)
    settled = (facts.previous == first) & (first != NO_POP) & ~shares.any(axis=1)
    settled &= (running.wanted == first) | (running.wanted == NO_POP)
    if facts.granted is not None:
        settled &= ~facts.granted.share.any(axis=1) & (facts.granted.spare == NO_POP)
    return np.where(settled & (gap > 0), found, np.uint8(0)).astype(np.uint8)


def _is_rival(running: Running, head: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Return (rows, POPs): who else stands in the first POP's tier and order."""
    own = head[:, None].astype(np.intp)
    found: npt.NDArray[np.bool_] = ~running.is_out()
    for column in (running.tier, running.order):
        found &= column == np.take_along_axis(column, own, axis=1)
    np.put_along_axis(found, own, False, axis=1)
    return found
