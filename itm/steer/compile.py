"""Decision -> ClassMap: unique candidate lists become leaves, segments of equal leaves become runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.network import UNIT_BITS
from itm.routemap.routemap import ClassMap
from itm.routemap.table import UNIT_DTYPES, UnitTable, merge
from itm.steer.behind import family_of, unit_of
from itm.steer.coarse import blocks_of, with_lists
from itm.steer.decide import Decision
from itm.steer.evidence import Keys
from itm.steer.leaves import Lists
from itm.steer.resolvers import ResolverRows
from itm.steer.rows import FAMILIES, Rows, Units
from itm.steer.steps import RuleFacts
from itm.steer.terms import tail_of

Leaves = npt.NDArray[np.intp]
Runs = tuple[Units, Leaves]


def compile_class(
    decision: Decision,
    rows: Rows,
    resolvers: ResolverRows,
    rules: RuleFacts,
    weight: npt.NDArray[np.float32],
) -> ClassMap:
    """Return the frozen tables of one class; `weight` is each row's demand.

    Two rows share a leaf only if all is equal: the K ranks and the rule's tail behind them, the shares, the
    TTL. Rules with equal tails have one: a border between them is none between their leaves. Where a row may
    lose something (`decision.stand_ins`), neighbours share a leaf that is good enough for all (`scopes`).
    """
    tails: dict[bytes, int] = {}
    of_rule = [
        tails.setdefault(tail_of(tiers, common).tobytes(), len(tails))
        for tiers, common in zip(rules.tiers, rules.common, strict=True)
    ]
    tail = np.array(of_rule, dtype=np.uint16)[np.append(rows.rule, resolvers.rule)]
    every = Decision.joined([decision, resolvers.decision])
    leaves, leaf = Lists(every.ranks, tail, every.shares, every.ttl).distinct()
    of_clients, of_resolvers = np.split(leaf, [len(rows)])
    runs = {f: (rows.segments[f].start, of_clients[rows.segments[f].row]) for f in FAMILIES}
    if decision.stand_ins.shape[1]:
        for f in FAMILIES:
            blocks = blocks_of(f, rows, decision, leaves, of_clients, weight)
            leaves, number = with_lists(blocks, leaves)
            runs[f] = blocks.start, number
        leaves, runs, of_resolvers = _used(leaves, runs, of_resolvers)
    v4, v6 = (merge(UNIT_BITS[f], *runs[f]) for f in FAMILIES)
    units = {f: _units(f, resolvers.resolver, of_resolvers) for f in FAMILIES}
    return ClassMap(
        leaves=leaves.ranks,
        leaf_tail=leaves.tail,
        tails=tuple(np.frombuffer(own, dtype=np.uint16) for own in tails),
        v4=v4,
        v6=v6,
        resolvers4=units[4],
        resolvers6=units[6],
        shares=leaves.shares if leaves.shares.any() else leaves.shares[:0],
        ttl=leaves.ttl if leaves.ttl.any() else leaves.ttl[:0],
    )


def _used(leaves: Lists, runs: dict[int, Runs], resolvers: Leaves) -> tuple[Lists, dict[int, Runs], Leaves]:
    """Return the lists that are served, each once, and the runs and resolvers by their new numbers."""
    is_used = np.zeros(len(leaves), dtype=bool)
    for of in (*(leaf for _, leaf in runs.values()), resolvers):
        is_used[of] = True
    used = np.flatnonzero(is_used)
    kept, number = leaves.take(used).distinct()
    fresh = np.zeros(len(leaves), dtype=np.intp)
    fresh[used] = number
    return kept, {f: (start, fresh[leaf]) for f, (start, leaf) in runs.items()}, fresh[resolvers]


def _units(family: int, resolver: Keys, leaf: Leaves) -> UnitTable:
    here = family_of(resolver) == family
    bits = UNIT_BITS[family]
    return UnitTable(bits, unit_of(resolver[here]).astype(UNIT_DTYPES[bits]), leaf[here].astype("<u4"))
