"""What voters bear out of what the records say: the guard against those who talk much, or lie.

Records are many of one, votes are one of each (`collectors/distinct.py`). A quarter of the records' weight
moves their p25; half of the voters are needed to move the median vote, however much anybody talks. So records
are believed as far as the median vote bears them out, and no further than makes no difference.

On wider rungs than the network a row moves thousands of networks, and their voters are a sample: a bad draw
of it must not move them all. There the median counts as far as the sample makes it certain, and within that
interval what stood above is believed on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS

SLACK_MS: Final = 1.0
SLACK_SHARE: Final = 0.02
"""How far p25 may lie below the median vote: far less than the gain for which a POP is left. With the band of
equals (5 ms, 10 %) instead, a tenth of liars moves 1.5 % of demand (`itm simulate attack`).
"""

Floats = npt.NDArray[np.float32]


def borne_out(aggregates: Aggregates) -> dict[str, Floats]:
    """Return `p25`, its interval, what leaves it open, `p75` and `availability` as far as they are believed.

    p25 lies between the median vote and a little below it. `low` and `high` are between what it is for
    certain: the order statistics of the records, as far as the interval of the median vote bears them out; on
    wider rungs that of the votes alone, as many records are of few. Within `least` and `most` the sample of
    voters leaves it open; on the network's own rung that is p25 itself: its row moves nobody else. p75 is not
    below p25, and no higher than the vote that a tenth of liars does not make. Availability is that of the
    records or of the voters, the better: a POP is called unreachable when the records say so and half of the
    voters do, on wider rungs for certain.
    """
    is_wide = aggregates.rung != RUNGS.index("network")
    vote = aggregates.vote_rtt
    slack = np.maximum(np.float32(SLACK_MS), np.float32(SLACK_SHARE) * vote)
    p25 = np.fmin(np.fmax(aggregates.p25, vote - slack), vote)
    voted = aggregates.vote_rtt_low - slack
    sampled = np.fmin(aggregates.p25_high, aggregates.vote_rtt_high)
    half, certain = aggregates.vote_availability, aggregates.vote_availability_high
    return {
        "p25": p25,
        "least": np.where(is_wide, np.fmin(p25, aggregates.vote_rtt_low), p25),
        "most": np.where(is_wide, np.fmax(p25, aggregates.vote_rtt_high), p25),
        "low": np.fmin(p25, np.where(is_wide, voted, np.fmax(aggregates.p25_low, voted))),
        "high": np.fmax(p25, np.where(is_wide, aggregates.vote_rtt_high, sampled)),
        "p75": np.fmax(np.fmin(aggregates.p75, aggregates.vote_rtt_upper), p25),
        "availability": np.fmax(aggregates.availability, np.where(is_wide, certain, half)),
    }
