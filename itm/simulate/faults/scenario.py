"""A scenario as data: what breaks when, what is done about it, and how the run is cut into phases.

Each one is a file in `scenarios/` that defines `SCENARIO`. Minutes count from the beginning, when the server
has learned from `WARM_VIEWS` page views per network over the hours before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from itm.simulate.faults.moment import Fault
from itm.simulate.faults.resolving import Resolving

if TYPE_CHECKING:
    from itm.simulate.faults.run import Run


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a scenario that is reported by itself."""

    name: str
    start: float
    end: float


class Event(Protocol):
    """What somebody does in one minute: offers a catalog or a model, drains a POP, lies."""

    @property
    def minute(self) -> float:
        """When."""

    def happen(self, run: Run) -> None:
        """Do it; the run says and tells everything that may be touched."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`title` one sentence of what happens, `hit` the minute from which the time of moving counts (0: none).

    `without` are ids of POPs that the catalog does not name at the beginning; `headroom` the room of each POP
    as a multiple of the demand nearest to it; `resolver_map`: whether resolvers' clients are learned;
    `mute` minutes (from, to) without measurements; `views_per_day` page views of a network in the mean;
    `reports_load` whether POPs tell the server how full they are, and what they have room for.
    """

    name: str
    title: str
    minutes: float
    phases: tuple[Phase, ...]
    faults: tuple[Fault, ...] = ()
    events: tuple[Event, ...] = ()
    hit: float = 0.0
    without: tuple[str, ...] = ()
    headroom: float = 8.0
    resolving: Resolving = field(default_factory=Resolving)
    resolver_map: bool = True
    mute: tuple[float, float] = (0.0, 0.0)
    views_per_day: float = 24.0
    reports_load: bool = False

    @property
    def edges(self) -> tuple[float, ...]:
        """The minutes at which anything changes at once, in order."""
        of_faults = {edge for fault in self.faults for edge in (fault.start, fault.end)}
        of_phases = {edge for phase in self.phases for edge in (phase.start, phase.end)}
        edges = of_faults | of_phases | {event.minute for event in self.events} | set(self.mute)
        return tuple(sorted(edge for edge in edges if 0 <= edge <= self.minutes))

    def lasting(self, minutes: float) -> Scenario:
        """Return the scenario with its last phase longer, so that it lasts so many minutes, or as it is."""
        if minutes <= self.minutes:
            return self
        last = replace(self.phases[-1], end=minutes)
        return replace(self, minutes=minutes, phases=(*self.phases[:-1], last))
