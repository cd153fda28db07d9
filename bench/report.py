"""What a benchmark says in the end: where it ran, medians with their ranges, JSON beside the others'."""

from __future__ import annotations

import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def setting(**more: object) -> dict[str, Any]:
    """Return the machine and the interpreter, and what else matters."""
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"
    return {"machine": machine, "python": platform.python_version(), **more}


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and most."""
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 3) for name, value in found.items()}


def publish(name: str, result: dict[str, Any]) -> None:
    """Print the result and write `bench/results/NAME.json`."""
    text = json.dumps(result, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)
