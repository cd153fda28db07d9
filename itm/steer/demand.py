"""How much of the demand every row stands for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from itm.steer.rows import Rows


def demand_weights(rows: Rows) -> npt.NDArray[np.float32]:
    """Return each row's demand in IPv4 /24s; rows with IPv6 only weigh 1, the unplaced and the empty 0."""
    four, six = rows.segments[4], rows.segments[6]
    weight = np.bincount(four.row, four.units(4), len(rows))
    has_six = np.bincount(six.row, minlength=len(rows)) > 0
    weight[(weight == 0) & has_six] = 1
    weight[rows.place == 0] = 0
    return weight.astype(np.float32)
