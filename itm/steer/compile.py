"""Decision -> ClassMap: unique candidate lists become leaves, segments of equal leaves become runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.network import UNIT_BITS
from itm.routemap.routemap import ClassMap
from itm.routemap.table import UNIT_DTYPES, PrefixTable, UnitTable, merge
from itm.steer.behind import family_of, unit_of
from itm.steer.decide import Decision
from itm.steer.evidence import Keys
from itm.steer.resolvers import ResolverRows
from itm.steer.rows import FAMILIES, Rows, Segments
from itm.steer.steps import RuleFacts
from itm.steer.terms import tail_of


def compile_class(
    decision: Decision,
    rows: Rows,
    resolvers: ResolverRows,
    rules: RuleFacts,
) -> ClassMap:
    """Return the frozen tables of one class.

    Two rows share a leaf only if all is equal: the K ranks and the rule's tail behind them, the shares, the
    TTL. Rules with equal tails have one: a border between them is none between their leaves.
    """
    tails: dict[bytes, int] = {}
    of_rule = [
        tails.setdefault(tail_of(tiers, common).tobytes(), len(tails))
        for tiers, common in zip(rules.tiers, rules.common, strict=True)
    ]
    tail = np.array(of_rule, dtype=np.uint16)[np.append(rows.rule, resolvers.rule)]
    every = Decision.joined([decision, resolvers.decision])
    width = every.ranks.shape[1]
    columns = [every.ranks, tail[:, None]]
    # What nobody has makes no leaves different, and the sort below twice as long.
    columns += [every.shares.astype(np.uint16)] if every.shares.any() else []
    columns += [every.ttl[:, None].astype(np.uint16)] if every.ttl.any() else []
    lists, first, leaf_of_row = unique_rows(np.concatenate(columns, axis=1))
    of_clients, of_resolvers = np.split(leaf_of_row.astype(np.uint32), [len(rows)])
    tables = {f: _table(f, rows.segments[f], of_clients) for f in FAMILIES}
    units = {f: _units(f, resolvers.resolver, of_resolvers) for f in FAMILIES}
    return ClassMap(
        leaves=np.ascontiguousarray(lists[:, :width]),
        leaf_tail=np.ascontiguousarray(lists[:, width]),
        tails=tuple(np.frombuffer(own, dtype=np.uint16) for own in tails),
        v4=tables[4],
        v6=tables[6],
        resolvers4=units[4],
        resolvers6=units[6],
        shares=every.shares[first] if every.shares.any() else every.shares[:0],
        ttl=every.ttl[first] if every.ttl.any() else every.ttl[:0],
    )


def unique_rows(
    lists: npt.NDArray[np.uint16],
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the distinct rows, sorted; where each first stands; and each input row's index among them."""
    packed = np.ascontiguousarray(lists).view(np.dtype((np.void, lists.itemsize * lists.shape[1]))).ravel()
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    return lists[first], first, inverse


def _table(family: int, segments: Segments, leaf_of_row: npt.NDArray[np.uint32]) -> PrefixTable:
    return merge(UNIT_BITS[family], segments.start, leaf_of_row[segments.row])


def _units(family: int, resolver: Keys, leaf: npt.NDArray[np.uint32]) -> UnitTable:
    here = family_of(resolver) == family
    bits = UNIT_BITS[family]
    return UnitTable(bits, unit_of(resolver[here]).astype(UNIT_DTYPES[bits]), leaf[here].astype("<u4"))
