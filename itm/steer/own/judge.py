"""What an own step returned, checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.errors import OwnStepFailed
from itm.steer.classes import NOT_ALLOWED
from itm.steer.outcome import Change
from itm.steer.own.view import View

FIELDS: Final = ("add_ms", "drop")

MOST_MS: Final = 10_000.0
"""Of what may be added to a score or taken off it, as of a bias."""


def judge(returned: Mapping[str, npt.NDArray[Any]], view: View) -> Change:
    """Return the change that was returned, what it leaves out being nothing. Raises `OwnStepFailed`."""
    shape = view.tier.shape
    change = Change.nothing(*shape)
    for name, array in returned.items():
        if name not in FIELDS:
            raise OwnStepFailed(f"returned {name!r}; known: {', '.join(FIELDS)}")
        if array.shape != shape:
            raise OwnStepFailed(f"{name}: expected the shape {shape} (rows, POPs), got {array.shape}")
    if "add_ms" in returned:
        change = Change(_added(returned["add_ms"]), change.drop)
    if "drop" in returned:
        change = Change(change.add_ms, _dropped(returned["drop"], view))
    return change


def _added(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if array.dtype.kind not in "fiu":
        raise OwnStepFailed(f"add_ms: expected numbers, got {array.dtype}")
    if not np.isfinite(array).all():
        raise OwnStepFailed("add_ms: holds values that are not finite")
    if len(array) and np.abs(array).max() > MOST_MS:
        raise OwnStepFailed(f"add_ms: expected at most {MOST_MS:g} either way, got {np.abs(array).max():g}")
    return array.astype(np.float32)


def _dropped(array: npt.NDArray[Any], view: View) -> npt.NDArray[np.bool_]:
    if array.dtype.kind != "b":
        raise OwnStepFailed(f"drop: expected truth values, got {array.dtype}")
    runs = view.tier != NOT_ALLOWED
    bare = np.flatnonzero(runs.any(axis=1) & ~(runs & ~array).any(axis=1))
    if len(bare):
        raise OwnStepFailed(f"drop: leaves {len(bare)} rows without any POP, the first of them row {bare[0]}")
    dropped: npt.NDArray[np.bool_] = array & runs
    return dropped
