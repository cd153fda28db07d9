"""What a value of each metric may be. Edge parsers and the guard hold to this one table.

Knows single values; whether a value is *plausible* for its network is `guard.py`.
"""

from __future__ import annotations

import math
import re
from typing import Final

LIMITS: Final = {
    "availability": (0.0, 1.0),
    "rtt_ms": (0.1, 60_000.0),  # a minute: far beyond every browser's connect time-out
    "connect_ms": (0.1, 60_000.0),
    "throughput_kbps": (0.1, 1e6),  # 1 Gbit/s, the last bin of a window
}
"""Lowest and highest value, both included, in the order of METRICS; availability is exactly 0 or 1."""


MAX_SHOWN: Final = 40

_ADDRESS: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}|::|([0-9a-fA-F]{1,4}:){3}")


def complaint(metric: str, value: float) -> str:
    """Return what is wrong with a value of a known metric, or "" if nothing is."""
    if metric == "availability":
        return "" if value in (0.0, 1.0) else f"availability is 0 or 1, not {value:g}"
    low, high = LIMITS[metric]
    return "" if low <= value <= high else f"{metric} lies between {low:g} and {high:g}, not {value:g}"


def shown(value: object) -> str:
    """Return a refused value as it may stand in a reason: in ASCII, cut short.

    What holds something like a full address, in a wrong field or with a slip in it, is not shown.
    """
    text = ascii(value)
    if _ADDRESS.search(text):
        return "'(an address)'"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def number_or_text(given: object) -> float | None:
    """Return a finite number, given as one or as its text; None for anything else."""
    if not isinstance(given, str):
        return number(given)
    try:
        return number(float(given)) if "_" not in given else None
    except ValueError:
        return None


def number(given: object) -> float | None:
    """Return a finite number given as one; None for anything else, truth values and huge integers too."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        value = float(given)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
