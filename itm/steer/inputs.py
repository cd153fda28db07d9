"""What a published map was decided from, kept beside it so that `why` can decide again.

One compressed file of arrays per version: the evidence, the memory of every class before the build, the
demand, and the rows the limiter held. The prediction is named by digest and stands in the state directory
once for all versions.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.arrays import ArrayFile
from collectors.errors import ArraysError
from itm.errors import SnapshotError
from itm.steer.behind import Behind
from itm.steer.demand import Demand
from itm.steer.estimate import Measured
from itm.steer.evidence import Evidence, RungEvidence
from itm.steer.grants import Granted
from itm.steer.memory import Memory
from itm.steer.moves import Moves
from itm.steer.outcome import Change, Outcome
from itm.steer.residual import WIDE, Residuals, Shifts
from itm.steer.slice import Slice, Trial
from itm.steer.slowdowns import Slowdowns

_MEASURED = Measured.__slots__

_COMPRESSION = 1
"""Of zlib's levels: a memory of 230,000 rows shrinks to a half in a tenth of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything besides World that one map version was decided from.

    `held` has per class the sorted row keys that the limiter kept on their served POP, `legs` the round trips
    from the POPs to its Resource Locations, `own` what its own steps said, `granted` what rows got that could
    not all have their first choice; `outlook` is how full POPs were to be, of all classes (None: no POP could
    be full); `loss_ms` is what a row may lose to share a scope. `trial` while a canary runs: a map then
    has two inputs, one of each world.
    """

    version: int
    catalog_version: int
    places_digest: str
    predictions_digest: str
    candidates: int
    evidence: Evidence
    memories: tuple[Memory, ...]
    held: tuple[npt.NDArray[np.uint64], ...]
    behind: Behind = field(default_factory=Behind.nothing)
    demand: Demand = field(default_factory=Demand.nothing)
    granted: tuple[Granted, ...] = ()
    outlook: dict[str, Any] | None = None
    legs: tuple[npt.NDArray[np.float32], ...] = ()
    own: tuple[tuple[Outcome, ...], ...] = ()
    trial: Trial | None = None
    loss_ms: float = 0.0


CANARY = "canary"
"""The folder beside the maps with what their canaries' worlds were decided from."""


def path_of(directory: Path, version: int) -> Path:
    """Return where the inputs of that version stand."""
    return directory / f"{version:010d}.inputs"


def save(inputs: Inputs, directory: Path) -> None:
    """Write the inputs atomically and durably; raises `OSError`."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for rung, own in inputs.evidence.rungs.items():
        columns[f"{rung}.key"] = own.key
        for name in _MEASURED:
            columns[f"{rung}.{name}"] = getattr(own.measured, name)
    for rung, shifts in inputs.evidence.residuals.rungs.items():
        columns[f"residual.{rung}.key"], columns[f"residual.{rung}.shift"] = shifts.key, shifts.shift
    for name in Behind.__slots__:
        columns[f"behind.{name}"] = getattr(inputs.behind, name)
    columns |= {f"demand.{name}": array for name, array in inputs.demand.arrays().items()}
    columns |= {f"slower.{name}": array for name, array in inputs.evidence.slowdowns.arrays().items()}
    for index, memory in enumerate(inputs.memories):
        columns[f"class{index}.key"] = memory.key
        columns[f"class{index}.served"] = memory.served
        columns[f"class{index}.challenger"] = memory.challenger
        columns |= memory.moves.arrays(f"class{index}.moves.")
        columns[f"class{index}.held"] = inputs.held[index]
    for index, leg_ms in enumerate(inputs.legs):
        columns[f"class{index}.leg_ms"] = leg_ms
    for index, granted in enumerate(inputs.granted):
        columns |= {f"class{index}.granted.{name}": array for name, array in granted.arrays().items()}
    for name, outcome in _named(inputs.own):
        columns[f"{name}.key"] = outcome.key
        columns[f"{name}.add_ms"] = outcome.change.add_ms
        columns[f"{name}.drop"] = outcome.change.drop
    trial = inputs.trial
    facts = {
        "trial": [trial.live, trial.changed, trial.slice.share, trial.slice.seed] if trial else None,
        "version": inputs.version,
        "catalog_version": inputs.catalog_version,
        "places": inputs.places_digest,
        "predictions": inputs.predictions_digest,
        "candidates": inputs.candidates,
        "loss_ms": inputs.loss_ms,
        "rungs": list(inputs.evidence.rungs),
        "outlook": inputs.outlook,
        "pops": [list(memory.pops) for memory in inputs.memories],
        "own": [[[outcome.step, outcome.fault] for outcome in outcomes] for outcomes in inputs.own],
    }
    packed = arrays.pack(ArrayFile(facts, columns))
    arrays.write(path_of(directory, inputs.version), zlib.compress(packed, _COMPRESSION))


def load(directory: Path, version: int) -> Inputs:
    """Read the inputs of one version. Raises `SnapshotError` when they are gone or damaged."""
    path = path_of(directory, version)
    try:
        file = arrays.unpack(zlib.decompress(path.read_bytes()))
    except (OSError, zlib.error, ArraysError) as error:
        raise SnapshotError(f"{path.name}: the inputs of map {version} cannot be read: {error}") from error
    return _inputs(file.facts, file.arrays)


def _inputs(facts: Mapping[str, Any], stored: Mapping[str, npt.NDArray[Any]]) -> Inputs:
    rungs = {rung: RungEvidence(stored[f"{rung}.key"], _measured(stored, rung)) for rung in facts["rungs"]}
    pops: Sequence[Sequence[str]] = facts["pops"]
    memories = tuple(
        Memory(
            tuple(names),
            stored[f"class{i}.key"],
            stored[f"class{i}.served"],
            stored[f"class{i}.challenger"],
            Moves.of_arrays(stored, f"class{i}.moves."),
        )
        for i, names in enumerate(pops)
    )
    return Inputs(
        version=facts["version"],
        catalog_version=facts["catalog_version"],
        places_digest=facts["places"],
        predictions_digest=facts["predictions"],
        candidates=facts["candidates"],
        evidence=Evidence(
            rungs, _residuals(stored), slowdowns=Slowdowns.of_arrays(_under(stored, "slower."))
        ),
        memories=memories,
        held=tuple(stored[f"class{i}.held"] for i in range(len(pops))),
        behind=_behind(stored),
        demand=_demand(stored),
        granted=tuple(_granted(stored, i) for i in range(len(pops))),
        outlook=facts.get("outlook"),
        loss_ms=facts.get("loss_ms", 0.0),  # the release before let nobody lose anything
        legs=tuple(stored[name] for i in range(len(pops)) if (name := f"class{i}.leg_ms") in stored),
        own=_own(facts, stored),
        trial=_trial(facts.get("trial")),
    )


def _trial(stored: Sequence[Any] | None) -> Trial | None:
    return Trial(stored[0], stored[1], Slice(stored[2], stored[3])) if stored else None


def _named(own: Sequence[Sequence[Outcome]]) -> Iterator[tuple[str, Outcome]]:
    for index, outcomes in enumerate(own):
        yield from ((f"class{index}.own{at}", outcome) for at, outcome in enumerate(outcomes))


def _own(facts: Mapping[str, Any], stored: Mapping[str, npt.NDArray[Any]]) -> tuple[tuple[Outcome, ...], ...]:
    """Return what own steps said; the release before knew none."""
    return tuple(
        tuple(
            Outcome(
                step,
                fault,
                stored[f"class{index}.own{at}.key"],
                Change(stored[f"class{index}.own{at}.add_ms"], stored[f"class{index}.own{at}.drop"]),
            )
            for at, (step, fault) in enumerate(outcomes)
        )
        for index, outcomes in enumerate(facts.get("own", ()))
    )


def _measured(stored: Mapping[str, npt.NDArray[Any]], rung: str) -> Measured:
    """Return what one rung measured; a release before took p25 for certain, and left nothing open."""
    p25 = stored[f"{rung}.p25"]
    known = {f"{rung}.{name}": p25 for name in ("low", "high", "least", "most")} | dict(stored)
    return Measured(*(known[f"{rung}.{name}"] for name in _MEASURED))


def _residuals(stored: Mapping[str, npt.NDArray[Any]]) -> Residuals:
    """Return what the wide rungs shifted; in the release before they shifted nothing."""
    known = [rung for rung in WIDE if f"residual.{rung}.key" in stored]
    return Residuals(
        {rung: Shifts(stored[f"residual.{rung}.key"], stored[f"residual.{rung}.shift"]) for rung in known}
    )


def _behind(stored: Mapping[str, npt.NDArray[Any]]) -> Behind:
    """Return who sits behind resolvers; the release before decided by nothing of it."""
    if "behind.resolver" not in stored:
        return Behind.nothing()
    return Behind(*(stored[f"behind.{name}"] for name in Behind.__slots__))


def _granted(stored: Mapping[str, npt.NDArray[Any]], index: int) -> Granted:
    """Return what rows of a class were granted; the release before granted nothing."""
    head = f"class{index}.granted."
    own = {name.removeprefix(head): array for name, array in stored.items() if name.startswith(head)}
    return Granted.of_arrays(own) if own else Granted.nothing()


def _demand(stored: Mapping[str, npt.NDArray[Any]]) -> Demand:
    """Return who was counted where; the release before counted nobody."""
    own = _under(stored, "demand.")
    return Demand.of_arrays(own) if own else Demand.nothing()


def _under(stored: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in stored.items() if name.startswith(prefix)}


def prune(directory: Path, versions: Sequence[int]) -> None:
    """Remove the inputs of versions whose maps are gone."""
    for version in versions:
        path_of(directory, version).unlink(missing_ok=True)
