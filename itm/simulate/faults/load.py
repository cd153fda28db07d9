"""What load costs: nothing up to 80 % of a POP's room, some queueing up to all of it, much more above.

A model, not a measurement: queueing grows with the square of how deep a POP is in its last fifth; what comes
above its room waits as long as it takes to be served by the room there is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FREE: Final = 0.8
"""Share of the room up to which load costs nothing."""

FULL_MS: Final = 20.0
"""What each session of a POP waits when it is just full."""

OVERLOAD_MS: Final = 10.0
"""What each session waits more for every per cent above that."""

MOST_MS: Final = 2_000.0
"""Nobody waits longer."""

Floats = npt.NDArray[np.float64]


def load_ms(load: Floats, capacity: Floats) -> Floats:
    """Return what load costs each session of each POP, in ms; both in the unit of demand."""
    share = load / np.maximum(capacity, 1e-12)
    inside = FULL_MS * np.clip((share - FREE) / (1 - FREE), 0.0, 1.0) ** 2
    above = OVERLOAD_MS * 100 * np.maximum(share - 1, 0.0)
    costs: Floats = np.minimum(inside + above, MOST_MS)
    return costs


def capacities(share: Floats, headroom: float) -> Floats:
    """Return the room of each POP: `headroom` times the demand nearest to it, or half the mean of that."""
    room: Floats = headroom * np.maximum(share, share.mean() / 2)
    return room
