"""What voters bear out of what the records say: the guard against those who talk much, or lie.

Records are many of one, votes are one of each (`collectors/distinct.py`). A quarter of the records' weight
moves their p25; half of the voters are needed to move the median vote, however much anybody talks. So records
are believed as far as the median vote bears them out, and no further than makes no difference.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates

SLACK_MS: Final = 1.0
SLACK_SHARE: Final = 0.02
"""How far p25 may lie below the median vote: far less than the gain for which a POP is left. With the band of
`fastest` (5 ms, 10 %) instead, a tenth of liars moves 1.5 % of demand (`itm simulate attack`).
"""

Floats = npt.NDArray[np.float32]


def borne_out(aggregates: Aggregates) -> dict[str, Floats]:
    """Return `p25`, `p75` and `availability` as far as they are believed.

    p25 lies between the median vote and a little below it; p75 not below p25. Availability is that of the
    records or of the median vote, the better: a POP is called unreachable when the records say so and half
    of the voters do.
    """
    vote = aggregates.vote_rtt
    slack = np.maximum(np.float32(SLACK_MS), np.float32(SLACK_SHARE) * vote)
    p25 = np.fmin(np.fmax(aggregates.p25, vote - slack), vote)
    return {
        "p25": p25,
        "p75": np.fmax(aggregates.p75, p25),
        "availability": np.fmax(aggregates.availability, aggregates.vote_availability),
    }
