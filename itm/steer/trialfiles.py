"""The files of retraining, in `retrain/` of the state directory; builder and trainer meet in them.

`reference/` is the training table that the predictor in use was trained with, a copy: the one in the settings
may be another by now. `fresh/` is a copy of that other one while it is tried.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.arrays import ArrayFile
from models.training import NODES, PAIRS

FOLDER: Final = "retrain"
LAST: Final = "last.json"


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """Where everything is; `training` is the folder that the settings name."""

    folder: Path
    training: Path

    @property
    def reference(self) -> Path:
        """The table of the predictor in use; may be missing."""
        return self.folder / "reference"

    @property
    def fresh(self) -> Path:
        """The table that is tried."""
        return self.folder / "fresh"

    @property
    def candidate(self) -> Path:
        """The artifact that may replace the one in use."""
        return self.folder / "candidate.skops"

    @property
    def verdict(self) -> Path:
        """What the trainer says, JSON."""
        return self.folder / "verdict.json"

    @property
    def last(self) -> Path:
        """What came of the last look, JSON."""
        return self.folder / LAST

    @property
    def in_use(self) -> Path:
        """The folder of the table that the predictor in use is to be trained with."""
        return self.reference if _is_whole(self.reference) else self.training

    def keep_reference(self) -> None:
        """Keep the table of the settings as the one in use, unless one is kept. Raises `OSError`."""
        if not _is_whole(self.reference):
            copy_table(self.training, self.reference)

    def begin(self, live: Measured) -> None:
        """Lay out a trial: the table of the settings as it is now, and the live data. Raises `OSError`."""
        copy_table(self.training, self.fresh)
        for path in (self.candidate, self.verdict):
            path.unlink(missing_ok=True)
        arrays.write(self.folder / "live.itm", arrays.pack(live.file()))

    def live(self) -> Measured:
        """Return the live data of the trial. Raises `ArraysError` and `OSError`."""
        return Measured.of(arrays.read(self.folder / "live.itm"))

    def accept(self, artifact: Path) -> None:
        """Put the candidate in place of `artifact`, its table in that of the reference. Raises `OSError`."""
        shutil.rmtree(self.reference, ignore_errors=True)
        self.fresh.rename(self.reference)
        self.candidate.replace(artifact)

    def read(self, path: Path) -> dict[str, Any]:
        """Return what stands in one of the JSON files; nothing for one that cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(path.read_text())
            if isinstance(found, dict):
                return found
        return {}

    def write(self, path: Path, content: dict[str, Any]) -> None:
        """Replace one of the JSON files. Raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays.write(path, json.dumps(content).encode())


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Round trips that places measured, `(n, m)` ms by place key and POP id, NaN where they did not."""

    place: npt.NDArray[np.uint64]
    pops: tuple[str, ...]
    rtt_ms: npt.NDArray[np.float32]

    def file(self) -> ArrayFile:
        """Return it as a file."""
        return ArrayFile({"pops": list(self.pops)}, {"place": self.place, "rtt_ms": self.rtt_ms})

    @classmethod
    def of(cls, file: ArrayFile) -> Measured:
        """Return what `file` gave."""
        return cls(file.arrays["place"], tuple(file.facts["pops"]), file.arrays["rtt_ms"])


def copy_table(source: Path, target: Path) -> None:
    """Replace a folder by a copy of the table in another. Raises `OSError`."""
    aside = target.with_name(f".{target.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name in (NODES, PAIRS):
        shutil.copyfile(source / name, aside / name)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (NODES, PAIRS))
