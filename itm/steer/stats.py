"""What the builder says about itself: one small JSON file, read by `/metrics` and `itm map show`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Stats:
    """What the builder says about itself, for `/metrics` and `itm map show`."""

    builds: int
    map_version: int
    build_seconds: float
    built_at: float
    rows: int
    resolvers: int
    counted: int
    own_only: int
    refused: dict[str, int]
    deltas: dict[str, int]
    cells: int
    plan: dict[str, Any]
    own_steps: list[dict[str, Any]] = field(default_factory=list)
    canary: dict[str, Any] | None = None
    canaries_ended: dict[str, int] = field(default_factory=dict)
    drifts: list[dict[str, Any]] = field(default_factory=list)
    silence: dict[str, Any] | None = None
    capacity: dict[str, Any] | None = None

    def write(self, path: Path) -> None:
        """Write it atomically as JSON."""
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps({f: getattr(self, f) for f in self.__slots__}))
        partial.replace(path)
