"""What one check of one POP found. A raw observation: it decides nothing (see `threshold`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`up` says whether the check passed, `elapsed_ms` how long it took, `detail` why it failed.

    `notice` is what to look after although it passed. `days_left` (of the certificate, negative: expired) is
    None where none was shown. `unable`: the check could not be made from here, and says nothing of the POP.
    """

    up: bool
    elapsed_ms: float
    detail: str = ""
    notice: str = ""
    days_left: float | None = None
    unable: bool = False
