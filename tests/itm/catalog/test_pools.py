"""Pools in octoDNS words."""

from __future__ import annotations

import pytest

from itm.catalog.pools import Pool, chain
from tests.itm.catalog.bundles import service, service_faults

RULES = "rules: [{pool: x}]\n"


def test_values_are_ids_or_addresses() -> None:
    """A value names a POP by its id or by any of its addresses, plainly or as octoDNS writes it."""
    body = (
        "pools: {x: {values: [a, {value: 192.0.2.2}, {value: 192.0.2.4, weight: 1, status: obey}]}}\n" + RULES
    )
    assert service(body).pools == (("x", ("a", "b", "c")),)
    body = "pools: {x: {values: ['2001:db8::1']}}\n" + RULES
    assert service(body).pools == (("x", ("a",)),)


def test_a_value_that_is_down_is_left_out() -> None:
    """octoDNS' `status: down` takes a value out of the pool."""
    body = "pools: {x: {values: [a, {value: b, status: down}]}}\n" + RULES
    assert service(body).pools == (("x", ("a",)),)


def test_weights_are_for_chains_that_draw_by_them() -> None:
    """They stand beside the POPs that are served, 1 where none is written."""
    body = (
        "steer: [up, allowed, weighted]\n"
        "pools: {x: {values: [a, {value: b, weight: 9, status: down}, {value: c, weight: 3}]}}\n" + RULES
    )
    assert service(body).tuning.weights == (("x", (1.0, 3.0)),)
    assert service(body.replace("weight: 3", "weight: 1")).tuning.weights == ()
    fault = "pools.x.values[2].weight: expected 1 to 100, got 101"
    assert service_faults(body.replace("weight: 3", "weight: 101")) == [fault]


def test_chain_ends_at_a_loop() -> None:
    """Following fallbacks always ends."""
    pools = {"x": Pool((), "y"), "y": Pool((), "z"), "z": Pool((), "y")}
    assert chain(pools, "x") == ("x", "y", "z")


@pytest.mark.parametrize(
    ("pools", "fault"),
    [
        ("{}", "pools: expected at least one pool"),
        ("{x: {values: []}}", "pools.x.values: expected at least one value"),
        ("{x: {}}", "pools.x: `values` is missing"),
        ("{x: {values: [a, a]}}", "pools.x.values[1]: POP 'a' stands twice"),
        ("{x: {values: [a, 192.0.2.1]}}", "pools.x.values[1]: POP 'a' stands twice"),
        ("{x: {values: [{value: a, status: down}]}}", "pools.x.values: no value of this pool can be served"),
        ("{x: {values: [a, d]}}", "pools.x.values[1]: no POP has the id or address 'd'"),
        (
            "{x: {values: [a, {value: b, weight: 2}]}}",
            "pools.x.values[1].weight: weights count where `steer`",
        ),
        ("{x: {values: [a, {value: b, status: up}]}}", "pools.x.values[1].status: a POP is forced up"),
        ("{x: {values: [a, {value: b, status: dwn}]}}", "pools.x.values[1].status: 'dwn' is none of"),
        ("{x: {values: [a, {valu: b}]}}", "pools.x.values[1].valu: no such key (did you mean 'value'?)"),
        ("{x: {values: [a], fallback: y}}", "pools.x.fallback: no pool 'y'"),
        ("{x: {values: [a], fallback: x}}", "pools.x.fallback: loop: x -> x"),
        (
            "{x: {values: [a], fallback: y}, y: {values: [b], fallback: z}, z: {values: [c], fallback: y}}",
            "pools.x.fallback: loop: y -> z -> y",
        ),
    ],
)
def test_faults(pools: str, fault: str) -> None:
    """The first fault is the one at hand, at its path."""
    assert service_faults(f"pools: {pools}\n{RULES}")[0].startswith(fault)


def test_a_loop_is_told_once() -> None:
    """A loop of three pools is one fault."""
    pools = "{x: {values: [a], fallback: y}, y: {values: [b], fallback: z}, z: {values: [c], fallback: x}}"
    assert service_faults(f"pools: {pools}\n{RULES}") == ["pools.x.fallback: loop: x -> y -> z -> x"]
