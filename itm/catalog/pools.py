"""The `pools:` of a service, in octoDNS words: values, their status, and the pool to fall back to.

A value is a POP's id or one of its addresses. Weights are for chains that have the step `weighted`; where
measurement alone decides they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from itm.catalog.cursor import Cursor, suggest

STATUSES = ("obey", "up", "down")


MOST_WEIGHT = 100
"""octoDNS' own bound: a share of answers is kept in 255ths."""


@dataclass(frozen=True, slots=True)
class Pool:
    """POP ids in the order written, their weights, and the name of the next pool or an empty text."""

    pops: tuple[str, ...]
    fallback: str
    weights: tuple[float, ...] = ()


def read_pools(cursor: Cursor, pop_ids: Mapping[str, str], *, is_weighted: bool) -> dict[str, Pool]:
    """Return the pools by name; `pop_ids` maps every id and address of a POP to the id."""
    entries = cursor.entries()
    if not entries and isinstance(cursor.value, dict):
        cursor.refuse("expected at least one pool")
    pools = {name: _read_pool(entry, pop_ids, is_weighted) for name, entry in entries.items()}
    for name, pool in pools.items():
        if pool.fallback and pool.fallback not in pools:
            text = f"no pool {pool.fallback!r}{suggest(pool.fallback, pools)}"
            entries[name].at(None, "fallback").refuse(text)
    _refuse_loops(pools, entries)
    return pools


def chain(pools: Mapping[str, Pool], first: str) -> tuple[str, ...]:
    """Return `first` and the pools it falls back to, each once."""
    names: list[str] = []
    while first in pools and first not in names:
        names.append(first)
        first = pools[first].fallback
    return tuple(names)


def _read_pool(cursor: Cursor, pop_ids: Mapping[str, str], is_weighted: bool) -> Pool:
    fields = cursor.fields(("values", "fallback"), ("values",))
    fallback = fields["fallback"].text() if "fallback" in fields else ""
    if "values" not in fields:
        return Pool((), fallback)
    pops: list[str] = []
    weights: list[float] = []
    statuses: set[str] = set()
    for item in fields["values"].items(least=1):
        pop, status, weight = _read_value(item, pop_ids, is_weighted)
        statuses.add(status)
        if pop in pops:
            item.refuse(f"POP {pop!r} stands twice in this pool")
        elif pop and status != "down":
            pops.append(pop)
            weights.append(weight)
    if statuses == {"down"}:
        fields["values"].refuse("no value of this pool can be served: all are down")
    return Pool(tuple(pops), fallback, tuple(weights))


def _read_value(cursor: Cursor, pop_ids: Mapping[str, str], is_weighted: bool) -> tuple[str, str, float]:
    """Return the POP, its status and its weight."""
    if isinstance(cursor.value, str):
        return _pop_id(cursor, pop_ids), "obey", 1.0
    fields = cursor.fields(("value", "weight", "status"), ("value",))
    status = fields["status"].one_of(STATUSES) if "status" in fields else "obey"
    if status == "up":
        fields["status"].refuse("a POP is forced up for all services at once: `itm pop up`")
    weight = float(fields["weight"].integer(1, MOST_WEIGHT)) if "weight" in fields else 1.0
    if weight != 1 and not is_weighted:
        fields["weight"].refuse("weights count where `steer` has the step `weighted`, and it has not")
    return (_pop_id(fields["value"], pop_ids) if "value" in fields else ""), status, weight


def _pop_id(cursor: Cursor, pop_ids: Mapping[str, str]) -> str:
    text = cursor.text()
    if text and text not in pop_ids:
        cursor.refuse(f"no POP has the id or address {text!r}{suggest(text, pop_ids)}")
    return pop_ids.get(text, "")


def _refuse_loops(pools: Mapping[str, Pool], entries: Mapping[str, Cursor]) -> None:
    reported: set[str] = set()
    for name in pools:
        path = chain(pools, name)
        again = pools[path[-1]].fallback
        if again in path and again not in reported:
            loop = path[path.index(again) :]
            reported.update(loop)
            entries[name].at(None, "fallback").refuse(f"loop: {' -> '.join((*loop, again))}")
