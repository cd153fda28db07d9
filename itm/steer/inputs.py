"""What a published map was decided from, kept beside it so that `why` can decide again.

One `.npz` per version: the evidence, the memory of every class before the build, and the rows the
limiter held. The prediction is named by digest and stands in the state directory once for all versions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from itm.errors import SnapshotError
from itm.steer.estimate import Measured
from itm.steer.evidence import Evidence, RungEvidence
from itm.steer.memory import Memory

_MEASURED = ("n", "distinct", "p25", "p75", "availability", "availability_n")


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything besides World that one map version was decided from.

    `held` has per class the sorted row keys that the limiter kept on their served POP.
    """

    version: int
    catalog_version: int
    places_digest: str
    predictions_digest: str
    candidates: int
    evidence: Evidence
    memories: tuple[Memory, ...]
    held: tuple[npt.NDArray[np.uint64], ...]


def path_of(directory: Path, version: int) -> Path:
    """Return where the inputs of that version stand."""
    return directory / f"{version:010d}.inputs.npz"


def save(inputs: Inputs, directory: Path) -> None:
    """Write the inputs atomically; raises `OSError`."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for rung, own in inputs.evidence.rungs.items():
        arrays[f"{rung}.key"] = own.key
        for field in _MEASURED:
            arrays[f"{rung}.{field}"] = getattr(own.measured, field)
    for index, memory in enumerate(inputs.memories):
        arrays[f"class{index}.key"] = memory.key
        arrays[f"class{index}.served"] = memory.served
        arrays[f"class{index}.challenger"] = memory.challenger
        arrays[f"class{index}.held"] = inputs.held[index]
    head = {
        "version": inputs.version,
        "catalog_version": inputs.catalog_version,
        "places": inputs.places_digest,
        "predictions": inputs.predictions_digest,
        "candidates": inputs.candidates,
        "rungs": list(inputs.evidence.rungs),
        "pops": [list(memory.pops) for memory in inputs.memories],
    }
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    path = path_of(directory, inputs.version)
    partial = path.with_suffix(".tmp")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    partial.replace(path)


def load(directory: Path, version: int) -> Inputs:
    """Read the inputs of one version. Raises `SnapshotError` when they are gone or damaged."""
    path = path_of(directory, version)
    try:
        with np.load(path, allow_pickle=False) as stored:
            head = json.loads(stored["head"].tobytes())
            return _inputs(head, stored)
    except (OSError, ValueError, KeyError) as error:
        raise SnapshotError(f"{path.name}: the inputs of map {version} cannot be read: {error}") from error


def _inputs(head: dict[str, Any], stored: Any) -> Inputs:
    rungs = {
        rung: RungEvidence(stored[f"{rung}.key"], Measured(*(stored[f"{rung}.{f}"] for f in _MEASURED)))
        for rung in head["rungs"]
    }
    pops: Sequence[Sequence[str]] = head["pops"]
    memories = tuple(
        Memory(
            tuple(names),
            stored[f"class{i}.key"],
            stored[f"class{i}.served"],
            stored[f"class{i}.challenger"],
        )
        for i, names in enumerate(pops)
    )
    return Inputs(
        version=head["version"],
        catalog_version=head["catalog_version"],
        places_digest=head["places"],
        predictions_digest=head["predictions"],
        candidates=head["candidates"],
        evidence=Evidence(rungs),
        memories=memories,
        held=tuple(stored[f"class{i}.held"] for i in range(len(pops))),
    )


def prune(directory: Path, versions: Sequence[int]) -> None:
    """Remove the inputs of versions whose maps are gone."""
    for version in versions:
        path_of(directory, version).unlink(missing_ok=True)
