"""How full POPs will be, as a table: for `itm why` of one network, for `itm map show` of all."""

from __future__ import annotations

from typing import Any

from itm.cli.columns import columns


def rooms_told(told: dict[str, Any]) -> str:
    """Return the table of POPs that have a capacity; who is above the limit is named below it."""
    rows = [
        (
            pop,
            f"{one['load']:g}",
            f"{one['capacity']:g}",
            f"{one['share']:.0%}",
            f"{one['wanted']:g}",
            _notes(told, pop),
        )
        for pop, one in told["pops"].items()
        if one["capacity"] is not None
    ]
    above = f"\nNot everybody fits: above the limit are {', '.join(told['above'])}." if told["above"] else ""
    header = ("pop", "will have", "of", "full", "wanted by", "notes")
    return f"Rooms for {told['sessions']:g} sessions\n" + columns(header, rows) + above


def _notes(told: dict[str, Any], pop: str) -> str:
    """Say whether the POP is there, and of one network what it got of it."""
    granted = told.get("granted", {})
    notes = [f"granted {granted[pop]:.0%}"] if pop in granted else []
    notes += ["stands second"] if told.get("spare") == pop else []
    notes += ["away"] if told["pops"][pop]["is_away"] else []
    return ", ".join(notes)
