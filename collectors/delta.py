"""A delta: what a collector adds to the windows, as bytes (docs/delta.md).

Additive: the cells of all deltas, each counted once, make the windows, in whatever order they come. Numbered:
(collector, sequence) names a delta for good, so that one which comes twice can be told. The journal position
says up to where its collector had read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from collectors import arrays
from collectors.cells import Cells
from collectors.errors import ArraysError, DeltaError
from collectors.gather import WIDTHS, Gathered
from collectors.measurement import METRICS, POP_ID_BYTES
from collectors.segments import Position

VERSION: Final = 1
"""Goes up with every change of the columns or of what they mean."""

QUESTION: Final = 0
"""The sequence of a delta that adds nothing and asks how far its collector has been counted."""

MAX_NAME_CHARACTERS: Final = 64

_KIND: Final = "delta"


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """The cells of one stretch of a collector's journal, which ends at `position`; numbered from 1.

    `refused` counts the records of that stretch that did not count, by reason; `own_only` those that
    counted for their own network alone.
    """

    collector: str
    sequence: int
    position: Position
    gathered: Gathered
    own_only: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def question(cls, collector: str) -> Delta:
        """Return the delta that asks where `collector` stands."""
        pops = np.zeros(0, f"S{POP_ID_BYTES}")
        nothing = Gathered(0.0, pops, Cells.nothing(), Cells.nothing(), counted=0, late=0)
        return cls(collector, QUESTION, Position(), nothing)


def pack(delta: Delta) -> bytes:
    """Return the delta as bytes."""
    gathered = delta.gathered
    facts = {
        "kind": _KIND,
        "version": VERSION,
        "metrics": METRICS,
        "collector": delta.collector,
        "sequence": delta.sequence,
        "segment": delta.position.segment,
        "offset": delta.position.offset,
        "at": gathered.at,
        "counted": gathered.counted,
        "late": gathered.late,
        "own_only": delta.own_only,
        "refused": dict(delta.refused),
    }
    columns = (
        {"pops": gathered.pops} | gathered.values.arrays("values") | gathered.outcomes.arrays("outcomes")
    )
    return arrays.pack(arrays.ArrayFile(facts, columns))


def parse(data: bytes) -> Delta:
    """Return the delta that `pack` gave as bytes; arrays are read-only.

    Raises `DeltaError` saying what is wrong: damaged, of another version, or a value that cannot be.
    """
    try:
        file = arrays.unpack(data)
        facts = file.facts
        if not isinstance(facts, dict) or (facts.get("kind"), facts.get("version")) != (_KIND, VERSION):
            raise DeltaError(f"not a delta of version {VERSION}")
        if facts.get("metrics") != list(METRICS):
            raise DeltaError(f"metrics: expected {', '.join(METRICS)}, got {facts.get('metrics')}")
        return _delta(facts, file.arrays)
    except ArraysError as error:
        raise DeltaError(str(error)) from error


def _delta(facts: Mapping[str, Any], columns: Mapping[str, Any]) -> Delta:
    pops = columns.get("pops")
    if pops is None or pops.ndim != 1 or pops.dtype != np.dtype(f"S{POP_ID_BYTES}"):
        raise DeltaError(f"pops: expected a list of ids of at most {POP_ID_BYTES} bytes")
    cells = {name: Cells.of_arrays(columns, name, width, len(pops)) for name, width in WIDTHS.items()}
    collector, at, refused = facts.get("collector"), facts.get("at"), facts.get("refused")
    if not isinstance(collector, str) or not 0 < len(collector) <= MAX_NAME_CHARACTERS:
        raise DeltaError(f"collector: expected a name of at most {MAX_NAME_CHARACTERS} characters")
    if not isinstance(at, float) or not math.isfinite(at):
        raise DeltaError(f"at: expected seconds since the epoch, got {at!r}")
    if not isinstance(refused, dict):
        raise DeltaError(f"refused: expected counts by reason, got {refused!r}")
    gathered = Gathered(at, pops, **cells, counted=_count(facts, "counted"), late=_count(facts, "late"))
    position = Position(_count(facts, "segment"), _count(facts, "offset"))
    counts = {reason: _count(refused, reason) for reason in refused}
    return Delta(collector, _count(facts, "sequence"), position, gathered, _count(facts, "own_only"), counts)


def _count(facts: Mapping[str, Any], name: str) -> int:
    value = facts.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise DeltaError(f"{name}: expected a number from 0, got {value!r}")
    return value
