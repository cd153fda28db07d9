"""What the simulated resolvers came to: round trips each way, and how much of the gap the map closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.simulate.resolvers import KINDS, Asked

STATISTICS: Final[dict[str, Callable[[npt.NDArray[np.float64]], float]]] = {
    "mean": lambda values: float(values.mean()),
    "p90": lambda values: float(np.percentile(values, 90)),
    "p99": lambda values: float(np.percentile(values, 99)),
}
WAYS: Final = ("by_resolver", "by_map", "by_client", "best_for_all", "best")


@dataclass(frozen=True, slots=True)
class Line:
    """One statistic of one kind of crowd, in ms each way; see `Asked`."""

    kind: str
    statistic: str
    clients: int
    by_resolver: float
    by_map: float
    by_client: float
    best_for_all: float
    best: float

    @property
    def closed(self) -> float | None:
        """The share of the gap from the resolver's network to the client's own that the map closes.

        None where there is none worth a millisecond.
        """
        return self._share_of(self.by_client)

    @property
    def reached(self) -> float | None:
        """The share of what one POP for the whole crowd could gain at best."""
        return self._share_of(self.best_for_all)

    def _share_of(self, least: float) -> float | None:
        gap = self.by_resolver - least
        return (self.by_resolver - self.by_map) / gap if gap >= 1 else None


def lines(found: Sequence[Asked]) -> list[Line]:
    """Return the statistics of each kind of crowd that anybody was asked for in."""
    table = []
    for kind in KINDS:
        own = [one for one in found if one.kind == kind]
        for name, of in STATISTICS.items() if own else ():
            values = (of(np.array([getattr(one, way) for one in own])) for way in WAYS)
            table.append(Line(kind, name, len(own), *values))
    return table


def as_text(table: Sequence[Line]) -> str:
    """Return the table for a terminal."""
    columns = ("resolver", "map", "client", "one POP", "best")
    head = (
        f"{'round trip, ms':<20}"
        + "".join(f"{name:>10}" for name in columns)
        + f"{'gap closed':>12}{'of one POP':>12}"
    )
    rows = [
        f"{row.kind + ' ' + row.statistic:<20}"
        + "".join(f"{getattr(row, way):>10.1f}" for way in WAYS)
        + "".join(("-" if share is None else f"{share:.0%}").rjust(12) for share in (row.closed, row.reached))
        for row in table
    ]
    return "\n".join([head, *rows])


def as_data(table: Sequence[Line]) -> list[dict[str, float | str | None]]:
    """Return the table as JSON-ready data."""
    return [asdict(line) | {"closed": line.closed, "reached": line.reached} for line in table]
