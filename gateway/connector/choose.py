"""The best POPs for a connector's control channels: measured, and left only for a gain worth a move.

Pure: views in, addresses out. A connector keeps channels at two POPs so that the death of one costs no
launch; two addresses of the same POP are taken only when there is no second POP.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

GAIN_MS: Final = 5.0
GAIN_SHARE: Final = 0.2
"""A POP in use is left for one that is better by both 5 ms and a fifth: less is noise of one round trip."""
WORSE_MS: Final = 10.0
WORSE_SHARE: Final = 0.5
"""A POP in use is compared anew when it became slower by both 10 ms and a half since it was chosen."""


@dataclass(frozen=True, slots=True)
class PopView:
    """What the connector knows of one POP address: `rtt_ms` is None when it did not answer last time.

    `is_named`: the gateway's name resolves to it now. ITM knows load and health that a round trip hides, so
    it counts as much as being in use.
    """

    address: str
    pop: str = ""
    rtt_ms: float | None = None
    is_draining: bool = False
    is_named: bool = False


def choose(views: Sequence[PopView], current: Collection[str], count: int = 2) -> tuple[str, ...]:
    """Return up to `count` addresses, best first; silent ones last, draining ones after them."""
    ranked = sorted(views, key=lambda view: _cost(view, view.address in current or view.is_named))
    taken: list[PopView] = []
    for other_pops_only in (True, False):
        for view in ranked:
            known = {one.pop for one in taken if one.pop}
            if len(taken) < count and view not in taken and not (other_pops_only and view.pop in known):
                taken.append(view)
    return tuple(view.address for view in sorted(taken, key=ranked.index))


def is_worse(now_ms: float, chosen_ms: float) -> bool:
    """Whether a POP that was chosen for one round-trip time has become worth comparing with others."""
    return now_ms > chosen_ms + max(WORSE_MS, chosen_ms * WORSE_SHARE)


def _cost(view: PopView, is_favoured: bool) -> tuple[bool, bool, float, str]:
    if view.rtt_ms is None:
        return (view.is_draining, True, 0.0, view.address)
    shown = view.rtt_ms
    if is_favoured:
        shown = min(shown - GAIN_MS, shown * (1 - GAIN_SHARE))
    return (view.is_draining, False, shown, view.address)
