"""What one check of one POP found. A raw observation: it decides nothing (see `threshold`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`up` says whether the check passed, `elapsed_ms` how long it took, `detail` why it failed."""

    up: bool
    elapsed_ms: float
    detail: str = ""
