"""What a run of recorded clients found, as a table: regret after each stage beside the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from collectors.places import PlaceTable
from itm.catalog.types import Pop
from itm.simulate.recorded import STAGES, Outcome, nearest


@dataclass(frozen=True, slots=True)
class Line:
    """Regret of one way to choose, over all clients, in ms; shares are of clients."""

    name: str
    mean_ms: float
    p90_ms: float
    p99_ms: float
    within_10_ms: float
    within_25_ms: float
    best: float

    @classmethod
    def of(cls, name: str, regrets: Sequence[float]) -> Line:
        """Summarise the regrets."""
        values = np.array(regrets)
        p90, p99 = np.percentile(values, [90, 99])
        shares = [float((values <= limit).mean()) for limit in (10, 25, 0)]
        return cls(name, float(values.mean()), float(p90), float(p99), *shares)


def lines(outcomes: Sequence[Outcome], places: PlaceTable, pops: Sequence[Pop]) -> list[Line]:
    """Return the baselines and one line per stage."""
    clients = [o.client for o in outcomes if o.beacons == STAGES[0]]
    least = [min(c.rtt_ms) for c in clients]
    every = [rtt - low for c, low in zip(clients, least, strict=True) for rtt in c.rtt_ms]
    table = [Line.of("round-robin", every)]
    for name, where in (("nearest by GeoIP", places), ("nearest, true position", None)):
        chosen = nearest(clients, where, pops)
        table.append(
            Line.of(name, [c.rtt_ms[p] - low for c, p, low in zip(clients, chosen, least, strict=True)])
        )
    table += [
        Line.of(f"ITM, {stage} beacons", [o.regret_ms for o in outcomes if o.beacons == stage])
        for stage in STAGES
    ]
    return [*table, Line.of("oracle", [0.0] * len(clients))]


def as_text(table: Sequence[Line]) -> str:
    """Return the table for a terminal or a README."""
    head = f"{'regret, ms':<24}{'mean':>8}{'p90':>8}{'p99':>8}{'<=10 ms':>9}{'<=25 ms':>9}{'best POP':>10}"
    rows = [
        f"{r.name:<24}{r.mean_ms:>8.2f}{r.p90_ms:>8.1f}{r.p99_ms:>8.1f}"
        f"{r.within_10_ms:>9.1%}{r.within_25_ms:>9.1%}{r.best:>10.1%}"
        for r in table
    ]
    return "\n".join([head, *rows])


def as_data(table: Sequence[Line]) -> list[dict[str, float | str]]:
    """Return the table as JSON-ready data."""
    return [asdict(line) for line in table]
