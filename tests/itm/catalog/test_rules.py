"""Rules: which clients may use which pools, in an order that makes sense."""

from __future__ import annotations

import pytest

from itm.catalog.types import Rule
from tests.itm.catalog.bundles import service, service_faults

POOLS = "pools: {x: {values: [a], fallback: y}, y: {values: [b], fallback: z}, z: {values: [c]}}\n"


def rules(*lines: str) -> str:
    return POOLS + "rules:\n" + "\n".join(f"  - {{{line}}}" for line in lines)


def test_conditions_and_fallback() -> None:
    """A rule carries its conditions, and after its pools those that the last one falls back to."""
    text = rules(
        "pool: z, subnets: [192.0.2.0/24, '2001:db8::/32'], asns: [64500, AS64501]",
        "pools: [z, x], geos: [EU-DE, AS]",
        "pool: x",
    )
    assert service(text).rules == (
        Rule(("z",), subnets=("192.0.2.0/24", "2001:db8::/32"), asns=(64500, 64501)),
        Rule(("z", "x", "y"), geos=("EU-DE", "AS")),
        Rule(("x", "y", "z")),
    )


def test_country_before_its_continent() -> None:
    """Specific before general is the order that works."""
    text = rules("pool: x, geos: [EU-DE]", "pool: y, geos: [EU, NA-US]", "pool: z, geos: [NA]", "pool: z")
    assert len(service(text).rules) == 4


def test_narrow_subnet_before_the_wide_one() -> None:
    """A part of a network may be treated apart when it comes first."""
    text = rules("pool: x, subnets: [10.1.0.0/16]", "pool: y, subnets: [10.0.0.0/8]", "pool: z")
    assert len(service(text).rules) == 3


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("geos: [EU]", "pool: x"), "rules[0]: expected either `pool` or `pools`"),
        (("pool: x, pools: [y]",), "rules[0]: expected either `pool` or `pools`"),
        (("pools: [x, w]",), "rules[0].pools[1]: no pool 'w'"),
        (("pools: [x, x]",), "rules[0].pools[1]: pool 'x' stands twice"),
        (("pool: x, geos: []", "pool: x"), "rules[0].geos: expected at least one value; leave the key out"),
        (("pool: x, geos: [EU]",), "rules[0]: the last rule must be the catch-all"),
        (("pool: x", "pool: y, geos: [EU]", "pool: z"), "rules[0]: a catch-all: the rules after it"),
        (
            ("pool: x, geos: [EU]", "pool: y, geos: [EU]", "pool: z"),
            "rules[1].geos: EU already stands in rules[0]",
        ),
        (
            ("pool: x, geos: [EU]", "pool: y, geos: [EU-DE]", "pool: z"),
            "rules[1].geos: EU-DE is part of EU, which stands in rules[0]",
        ),
        (
            ("pool: x, geos: [EU-DE, EU]", "pool: y"),
            "rules[0].geos: EU-DE is part of EU, which stands in rules[0]",
        ),
        (
            ("pool: x, subnets: [10.0.0.0/8]", "pool: y, subnets: [10.1.0.0/16]", "pool: z"),
            "rules[1].subnets: 10.1.0.0/16 is part of 10.0.0.0/8, which stands in rules[0]",
        ),
        (
            ("pool: x, subnets: [10.0.0.0/8]", "pool: y, subnets: [10.0.0.0/8]", "pool: z"),
            "rules[1].subnets: 10.0.0.0/8 already stands in rules[0]",
        ),
        (("pool: x, subnets: [10.0.0.1/8]", "pool: y"), "rules[0].subnets[0]: 10.0.0.1/8 has host bits set"),
        (
            ("pool: x, subnets: [192.0.2.0/28]", "pool: y"),
            "rules[0].subnets[0]: expected a prefix of at most /24: clients are told apart no finer",
        ),
        (
            ("pool: x, geos: [EU]", "pool: y, subnets: [10.0.0.0/8]", "pool: z"),
            "rules[1]: rules with subnets must stand before rules with geos only (rules[0])",
        ),
        (
            ("pool: x, asns: [1]", "pool: y, asns: [1]", "pool: z"),
            "rules[1].asns: AS1 already stands in rules[0]",
        ),
        (("pool: x, asns: [0]", "pool: y"), "rules[0].asns[0]: expected 1 to"),
        (("pool: x, asns: [AS0]", "pool: y"), "rules[0].asns[0]: expected 1 to"),
        (("pool: x, asns: [ASx]", "pool: y"), "rules[0].asns[0]: expected a whole number, got 'ASx'"),
        (("pool: x, geo: [EU]", "pool: y"), "rules[0].geo: no such key (did you mean 'geos'?)"),
    ],
)
def test_faults(lines: tuple[str, ...], fault: str) -> None:
    """The first fault is the one at hand, at its path."""
    assert service_faults(rules(*lines))[0].startswith(fault)


def test_there_is_an_end_to_rules_and_pools() -> None:
    """What the builder cannot number is refused here, with the count."""
    pools = "pools: {" + ", ".join(f"p{n}: {{values: [{{value: a}}]}}" for n in range(100)) + "}\n"
    rules = [f"{{pool: p0, asns: [{n + 1}]}}" for n in range(250)]
    every = "{pools: [" + ", ".join(f"p{n}" for n in range(100)) + "]}"
    assert service_faults(f"{pools}rules: [{', '.join([*rules, every])}]") == [
        "rules: expected at most 250 rules, got 251",
        "rules[250]: expected at most 99 pools with their fallbacks, got 100",
    ]
