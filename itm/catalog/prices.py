"""Prices of POPs against the chains that read them: one that is missing, and one that nobody reads."""

from __future__ import annotations

from collections.abc import Sequence

from itm.catalog.cursor import Cursor
from itm.catalog.types import Pop, Service


def check_prices(cursor: Cursor, pops: Sequence[Pop], services: Sequence[Service]) -> None:
    """Refuse POPs without the `cost` that a chain compares, and a `cost` that no chain does."""
    readers = [service for service in services if "cost" in service.steer]
    for pop in pops:
        asking = [s.name for s in readers if any(pop.id in members for _, members in s.pools)]
        if pop.cost is None and asking:
            cursor.at(None, pop.id).refuse(f"`cost` is missing: the chain of {asking[0]} has the step `cost`")
        if pop.cost is not None and not readers:
            cursor.at(None, f"{pop.id}.cost").refuse("only the step `cost` reads it, and no `steer` has it")
