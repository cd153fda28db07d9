"""A difference of two maps as a person reads it."""

from __future__ import annotations

from typing import Any

from itm.cli.difference import difference_lines

SIZE = {"leaves": 4, "runs4": 7, "runs6": 2, "scopes4": 30, "scopes6": 1}
PART = {"of": "JP", "demand_share": 0.25, "moved_share": 0.2, "gained_ms": 0.0, "lost_ms": 7.0}
FLIP = {
    "prefix": "133.11.0.0/16", "country": "JP", "asn": 2501, "before": "tokyo", "after": "osaka",
    "before_ms": 5.0, "after_ms": None, "demand_share": 0.2,
}  # fmt: skip


def told(**changed: Any) -> list[str]:
    one: dict[str, Any] = {
        "services": ["gw.example.net."], "moved_share": 0.2, "gained_ms": 0.0, "lost_ms": 1.4,
        "unpriced_share": 0.0, "latency_before": {}, "latency": {}, "load_before": {}, "load": {},
        "countries": {"gained": [], "lost": [PART]}, "ases": {"gained": [], "lost": []},
        "prefixes": 1, "networks4": 256, "networks6": 0, "resolvers": 0, "flips": [],
        "size_before": SIZE, "size": {**SIZE, "runs4": 9},
    }  # fmt: skip
    return difference_lines(one | changed)


def test_the_summary_comes_first() -> None:
    """What moves, what flips, how the map grows, then a table per way that has something to tell."""
    assert told() == [
        "gw.example.net.: 20.00% of demand changes its POP; 0.00 ms gained, 1.40 ms lost on average",
        "  flipped: 1 prefixes (256 /24s, 0 /48s), 0 resolvers",
        "  IPv4 runs 7 -> 9; scopes 30 -> 30; IPv6 runs 2 -> 2; scopes 1 -> 1; leaves 4 -> 4",
        "  COUNTRY  DEMAND  MOVED   LOST MS",
        "  JP       25.00%  20.00%  7.00",
    ]


def test_loads_latencies_and_examples() -> None:
    """POPs whose load hardly changes are left out; a price that is not known is a question mark."""
    lines = told(
        load_before={"tokyo": 0.5, "ams": 0.3}, load={"tokyo": 0.3, "ams": 0.3001, "osaka": 0.2},
        latency_before={"p50": 5.0}, latency={"p50": 6.25, "p99": 9.0}, flips=[FLIP], unpriced_share=0.2,
    )  # fmt: skip
    assert lines[3:5] == [
        "  estimated ms, before -> after: p50 5.0 -> 6.2",
        "  20.00% moves from or to a POP whose round trip is not known",
    ]
    assert [line.split() for line in lines[-5:-2]] == [
        ["POP", "LOAD", "BEFORE", "LOAD"], ["tokyo", "50.00%", "30.00%"], ["osaka", "0.00%", "20.00%"],
    ]  # fmt: skip
    assert " ".join(lines[-1].split()) == "133.11.0.0/16 JP 2501 tokyo -> osaka 5.0 -> ? 20.000%"
