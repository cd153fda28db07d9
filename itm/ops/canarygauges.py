"""What `/metrics` shows of canaries, from the builder's report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from itm.ops.metrics import Registry, Sample

Report = Callable[[], dict[str, Any]]


def register(registry: Registry, report: Report) -> None:
    """Add the gauges of the canary that runs, and the count of those that ended."""
    registry.gauge(
        "itm_canary_share",
        "Share of places that live with a change on trial; 0: no canary runs.",
        lambda: [({}, (report().get("canary") or {}).get("share", 0))],
    )
    registry.gauge(
        "itm_canary_latency_ms",
        "Round trips that the canary's slice lost, with the bounds of the interval.",
        lambda: _effect(report(), "latency"),
    )
    registry.gauge(
        "itm_canary_unavailability",
        "Availability (0 to 1) that the canary's slice lost, with the bounds of the interval.",
        lambda: _effect(report(), "unavailability"),
    )
    registry.counted(
        "itm_canaries_ended_total",
        "Canaries ended since the builder started, by what became of them.",
        lambda: [({"fate": fate}, count) for fate, count in report().get("canaries_ended", {}).items()],
    )


def _effect(report: dict[str, Any], name: str) -> Iterable[Sample]:
    found = ((report.get("canary") or {}).get("verdict") or {}).get(name) or {}
    return [({"bound": bound}, found[bound]) for bound in ("low", "estimate", "high") if bound in found]
