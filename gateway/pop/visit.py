"""One accepted connection until it has said what it wants: from where, and how long each phase took."""

from __future__ import annotations

from collections.abc import Callable

from gateway.pop.limits import Gate


class Visit:
    """Counted in at the gate until `leave`; `mark` names the phase that has just ended."""

    __slots__ = ("_clock", "_gate", "_is_in", "_marked", "address", "network", "phases")

    def __init__(self, address: str, network: str, gate: Gate, clock: Callable[[], float]) -> None:
        self.address, self.network = address, network
        self._gate, self._clock = gate, clock
        self._is_in = True
        self._marked = clock()
        self.phases: dict[str, float] = {}

    def mark(self, phase: str) -> None:
        """Note the ms since the last mark."""
        now = self._clock()
        self.phases[phase], self._marked = round((now - self._marked) * 1000, 3), now

    def leave(self) -> None:
        """It is no half-open connection any more; again changes nothing."""
        if self._is_in:
            self._is_in = False
            self._gate.leave(self.network)

    def pass_to(self, gate: Gate) -> bool:
        """Be counted at another gate instead, if that has room; `leave` then leaves there."""
        self.leave()
        self._is_in, self._gate = gate.enter(self.network), gate
        return self._is_in
