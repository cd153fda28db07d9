"""Session budgets: so many per network and hour, so many in all per second.

A leaky bucket each, as the moment at which it will be empty (the generic cell rate algorithm, ITU-T I.371):
one number per network that measured lately. A network's bucket holds an hour's worth, so that an office
which comes to work at nine is not refused. What is empty again is forgotten; as every session lengthens one
bucket by one interval, there are never more than the overall rate times that interval.
"""

from __future__ import annotations

from typing import Final

from collectors.network import Network

NETWORK: Final = "network_budget"
OVERALL: Final = "overall_budget"

_HOUR: Final = 3600.0
_SWEEP: Final = 1024
"""Networks beyond twice those that the last sweep left, before the next sweep."""


class Budgets:
    """`per_network`: sessions an hour from one /24 or /48; `overall`: sessions a second; 0: no limit."""

    def __init__(self, per_network: float, overall: float) -> None:
        self._interval = _HOUR / per_network if per_network else 0.0
        self._overall_interval = 1 / overall if overall else 0.0
        self._empty_at: dict[Network, float] = {}
        self._all_empty_at = 0.0
        self._sweep_above = _SWEEP

    def __len__(self) -> int:
        return len(self._empty_at)

    def take(self, network: Network, now: float) -> str:
        """Take one session from both budgets; returns "", or the name of the one that is spent.

        `now` is in seconds. A clock that was set back begins with full budgets.
        """
        overall = self._next(self._all_empty_at, self._overall_interval, 1.0, now)
        if overall is None:
            return OVERALL
        if self._interval:
            own = self._next(self._empty_at.get(network, 0.0), self._interval, _HOUR, now)
            if own is None:
                return NETWORK
            self._empty_at[network] = own
            if len(self._empty_at) > self._sweep_above:
                self._sweep(now)
        self._all_empty_at = overall
        return ""

    @staticmethod
    def _next(empty_at: float, interval: float, burst: float, now: float) -> float | None:
        """Return when the bucket is empty after one more, None if that would overflow it."""
        if empty_at < now or empty_at > now + burst + 2 * interval:
            empty_at = now
        following = empty_at + interval
        return following if following <= now + max(burst, interval) else None

    def _sweep(self, now: float) -> None:
        self._empty_at = {network: at for network, at in self._empty_at.items() if at > now}
        self._sweep_above = 2 * len(self._empty_at) + _SWEEP
