"""Prices of POPs against the chains that read them."""

from __future__ import annotations

from tests.itm.catalog.bundles import POPS, faults, load

CHAIN = "gw.example.net.: {steer: [up, fastest, cost]}"
SOME = POPS.replace("city: Bonn", "cost: 0, city: Bonn").replace("city: Oslo", "cost: 2.5, city: Oslo")


def test_a_price_that_is_missing_is_told_at_its_pop() -> None:
    """Only of POPs that a chain with `cost` may choose; nothing is a price."""
    assert faults(CHAIN, SOME) == [
        "pops.c: `cost` is missing: the chain of gw.example.net. has the step `cost`"
    ]
    body = "gw.example.net.: {steer: [up, fastest, cost], pools: {x: {values: [a, b]}}}"
    assert [pop.cost for pop in load(body, SOME).pops] == [0.0, 2.5, None]


def test_a_price_that_nobody_reads_is_told() -> None:
    """It would be thought to count."""
    assert faults("gw.example.net.: {}", SOME) == [
        "pops.a.cost: only the step `cost` reads it, and no `steer` has it",
        "pops.b.cost: only the step `cost` reads it, and no `steer` has it",
    ]
