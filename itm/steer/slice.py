"""Which networks live with a change first: a share of all places, drawn by a hash of their stable keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.cells import mix64


@dataclass(frozen=True, slots=True)
class Slice:
    """A `share` (0..1) of the places; the same seed draws the same ones, and a larger share keeps them.

    A network is in the slice with its whole place (country, square of a degree, AS): its key stays the same
    in every edition of the place table, and when the network is measured by itself.
    """

    share: float
    seed: int

    def has(self, place_key: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Say which places are in the slice, by their keys."""
        seed = mix64(np.array([self.seed + 1], dtype=np.uint64))
        inside: npt.NDArray[np.bool_] = mix64(place_key ^ seed) < np.uint64(
            min(self.share, 1.0) * (2**64 - 1025)
        )
        return inside


@dataclass(frozen=True, slots=True)
class Trial:
    """Two catalog versions in one map: `changed` decides for the places in `slice`, `live` for all others."""

    live: int
    changed: int
    slice: Slice
