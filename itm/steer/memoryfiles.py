"""Where memories stand between two runs: one file per steering class, found again by its services.

A class has no name of its own, and its number changes with the catalog: what is served to whom is
remembered for the names that clients ask for.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from collectors import arrays
from collectors.arrays import ArrayFile
from collectors.errors import ArraysError
from itm.steer.memory import Memory
from itm.steer.moves import Moves

log = logging.getLogger(__name__)


def save(folder: Path, memories: Sequence[Memory], class_index: Mapping[str, int]) -> None:
    """Write the memory of every class, `class_index` by service; forget all others. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, memory in enumerate(memories):
        services = sorted(name for name, of in class_index.items() if of == index)
        facts = {"services": services, "pops": list(memory.pops)}
        columns: dict[str, npt.NDArray[Any]] = {
            "key": memory.key,
            "served": memory.served,
            "challenger": memory.challenger,
        }
        columns |= memory.moves.arrays("moves.")
        arrays.write(_path(folder, index), arrays.pack(ArrayFile(facts, columns)))
    kept = {_path(folder, index) for index in range(len(memories))}
    for path in folder.glob("*.memory"):
        if path not in kept:
            path.unlink(missing_ok=True)


def load(folder: Path, class_index: Mapping[str, int]) -> tuple[Memory, ...]:
    """Return what is remembered of every class: of the file that most of its services were in.

    A class of new services remembers nothing; nor does one whose file is gone or damaged.
    """
    stored = [found for path in sorted(folder.glob("*.memory")) if (found := _read(path)) is not None]
    file_of = {name: at for at, (services, _) in enumerate(stored) for name in services}
    memories = []
    for index in range(max(class_index.values(), default=-1) + 1):
        votes = Counter(file_of[name] for name, of in class_index.items() if of == index and name in file_of)
        memories.append(stored[votes.most_common(1)[0][0]][1] if votes else Memory.nothing())
    return tuple(memories)


def _path(folder: Path, index: int) -> Path:
    return folder / f"class{index}.memory"


def _read(path: Path) -> tuple[tuple[str, ...], Memory] | None:
    try:
        file = arrays.read(path)
    except (OSError, ArraysError) as error:
        log.warning("memory.unusable", extra={"reason": str(error)})
        return None
    columns = file.arrays
    pops, moves = tuple(file.facts["pops"]), Moves.of_arrays(columns, "moves.")
    memory = Memory(pops, columns["key"], columns["served"], columns["challenger"], moves)
    return tuple(file.facts["services"]), memory
