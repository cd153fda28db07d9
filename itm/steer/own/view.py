"""What an own step is shown: read-only arrays, rows x POPs unless said, and the POPs as in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.arrays import ArrayFile
from itm.steer.steps import Facts, Running
from itm.steer.world import World

POP_FIELDS: Final = (
    "id", "provider", "city", "country", "lat", "lon", "capacity", "bias", "cost", "tags",
)  # fmt: skip
"""What is told of each POP."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Some rows of a class as a step finds them. `pops` are in the order of the columns.

    `score` in ms, lower is better within a `tier`, which is the position of the pool (100 more: unavailable;
    255: out). `rtt_ms`, `low_ms`, `high_ms`: the estimate and its interval; `samples` behind it, 0: only
    predicted; `availability` 0..1, nan: not known. Per row: `rule` (its index), `previous` (the POP served,
    -1: none), `country` (ISO code as bytes, empty: not placed), `asn` (0: not known).
    """

    pops: tuple[Mapping[str, Any], ...]
    score: npt.NDArray[np.float32]
    tier: npt.NDArray[np.uint8]
    rtt_ms: npt.NDArray[np.float32]
    low_ms: npt.NDArray[np.float32]
    high_ms: npt.NDArray[np.float32]
    samples: npt.NDArray[np.float32]
    availability: npt.NDArray[np.float32]
    rule: npt.NDArray[np.uint8]
    previous: npt.NDArray[np.int32]
    country: npt.NDArray[np.bytes_]
    asn: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, world: World, facts: Facts, running: Running, place: npt.NDArray[np.intp]) -> View:
        """Return the view of rows that stand at `place`, as `running` has them."""
        estimate, pops = facts.estimate, world.catalog.pops
        countries = np.array([name.encode() for name in world.places.countries], dtype="S2")
        return cls(
            pops=tuple({field: getattr(pop, field) for field in POP_FIELDS} for pop in pops),
            score=running.score,
            tier=running.tier,
            rtt_ms=estimate.rtt,
            low_ms=estimate.low,
            high_ms=estimate.high,
            samples=estimate.n,
            availability=estimate.availability,
            rule=facts.rule,
            previous=np.where(facts.previous < len(pops), facts.previous.astype(np.int32), -1),
            country=countries[world.places.country[place]],
            asn=world.places.asn[place],
        )

    def as_file(self) -> ArrayFile:
        """Return the view as named arrays, to be sent."""
        columns = {name: getattr(self, name) for name in self.__slots__ if name != "pops"}
        return ArrayFile({"pops": self.pops}, columns)

    @classmethod
    def from_file(cls, file: ArrayFile) -> View:
        """Return the view that was sent."""
        return cls(pops=tuple(file.facts["pops"]), **file.arrays)
