"""Two catalogs over the same POPs, so that what they decide can stand in one map, network by network."""

from __future__ import annotations

from dataclasses import replace

from itm.catalog.types import Catalog


def twins(live: Catalog, changed: Catalog) -> tuple[Catalog, Catalog]:
    """Return both catalogs with all POPs of either, in one order: the live one's, then those that are new.

    A POP that only one of them has is in no pool of the other, and so never served by it. Each keeps its
    own word on a POP that both have.
    """
    theirs = {pop.id: pop for pop in changed.pops}
    own = {pop.id for pop in live.pops}
    new = tuple(pop for pop in changed.pops if pop.id not in own)
    here = (*live.pops, *new)
    there = tuple(theirs.get(pop.id, pop) for pop in here)
    return replace(live, pops=here), replace(changed, pops=there)
