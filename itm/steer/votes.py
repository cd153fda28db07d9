"""What voters bear out of what the records say: the guard against those who talk much, or lie.

Records are many of one, votes are one of each (`collectors/distinct.py`). The histograms of records are the
finer measure, and a quarter of their weight moves p25; the median vote is coarser, and holds against any
minority of voters, however much it talks. So records are believed as far as the median vote bears them out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from itm.steer.steps.fastest import BAND_MS, BAND_SHARE

Floats = npt.NDArray[np.float32]


def borne_out(aggregates: Aggregates) -> dict[str, Floats]:
    """Return `p25`, `p75` and `availability` as far as they are believed.

    p25 lies between the median vote and what is equal to it (the band of `fastest`) below; p75 not below p25.
    Availability is that of the records or of the median vote, the better: a POP is called unreachable when
    the records say so and half of the voters do.
    """
    vote = aggregates.vote_rtt
    slack = np.maximum(np.float32(BAND_MS), np.float32(BAND_SHARE) * vote)
    p25 = np.fmin(np.fmax(aggregates.p25, vote - slack), vote)
    return {
        "p25": p25,
        "p75": np.fmax(aggregates.p75, p25),
        "availability": np.fmax(aggregates.availability, aggregates.vote_availability),
    }
