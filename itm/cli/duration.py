"""Durations as people type them: `90s`, `15m`, `1h`, `30d`."""

from __future__ import annotations

import argparse
import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")


def parse_duration(text: str) -> float:
    """Return seconds above 0; raises argparse's error, so that it can be an option's type."""
    found = _FORM.fullmatch(text)
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"expected a duration such as 15m, 1h or 30d, got {text!r}")
    return seconds
