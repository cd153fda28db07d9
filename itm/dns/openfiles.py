"""How many files this process may have open, which bounds how many connections it can hold."""

from __future__ import annotations

import resource
import sys
from typing import Final

OWN_FILES: Final = 128
"""For maps, logs, listeners and what the interpreter opens, beside the connections."""


def raise_limit() -> int:
    """Raise the soft limit to the hard one, which needs no privilege; return how many connections fit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return max(1, most - OWN_FILES) if most != resource.RLIM_INFINITY else sys.maxsize


def shared(wanted: tuple[int, ...], room: int) -> tuple[int, ...]:
    """Return how many each one gets: what it wants, or its share of the room when there is too little."""
    total = sum(wanted)
    return wanted if total <= room else tuple(max(1, one * room // total) for one in wanted)
