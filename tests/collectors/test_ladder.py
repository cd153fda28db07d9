"""The ladder: keys of every rung, and the prefix that fits a run."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest

from collectors.ladder import RUNGS, SHORTEST_PREFIX, Ladder, prefix_text
from collectors.network import Network
from collectors.places import assemble, code_of
from tests.collectors.test_places import small_table

CONTINENTS = {"JP": "AS"}


def keys_of(ladder: Ladder, *networks: Network) -> list[dict[str, int]]:
    family = np.array([network.family for network in networks], np.uint8)
    unit = np.array([network.unit for network in networks], np.uint64)
    return [dict(zip(RUNGS, map(int, row), strict=True)) for row in ladder.keys(family, unit)]


def test_every_rung_has_its_key() -> None:
    """Both families in one batch, in the order given."""
    table = small_table()
    six, four = keys_of(Ladder(table, CONTINENTS), Network(6, (1 << 40) + 5), Network(4, 17))
    assert four == {
        "network": 4 << 60 | 17,
        "prefix": 4 << 60 | 22 << 52 | 16,
        "place": int(table.key[1]),
        "as": 7,
        "country": code_of("JP"),
        "continent": code_of("AS"),
        "world": 0,
    }
    assert six["network"] == 6 << 60 | (1 << 40) + 5
    assert six["prefix"] == 6 << 60 | 28 << 52 | 1 << 40
    assert (six["place"], six["as"]) == (int(table.key[2]), 9)


def test_a_network_nobody_can_place_still_has_a_ladder() -> None:
    """Network, prefix and world are known; the rest is 0."""
    (keys,) = keys_of(Ladder(small_table(), CONTINENTS), Network(4, 1 << 23))
    assert [rung for rung, key in keys.items() if key] == ["network", "prefix"]
    rungs = Ladder(small_table(), CONTINENTS).describe(Network(4, 1 << 23))
    assert [rung.rung for rung in rungs if rung.is_known] == ["network", "prefix", "world"]
    assert {rung.text for rung in rungs if not rung.is_known} == {"unknown"}


def test_a_country_of_no_known_continent_stops_there() -> None:
    """The continent rung alone is missing."""
    (keys,) = keys_of(Ladder(small_table(), {}), Network(4, 17))
    assert (keys["country"], keys["continent"]) == (code_of("JP"), 0)


def test_rungs_read_like_an_operator_writes_them() -> None:
    """Prefixes in CIDR notation, the place with its position."""
    rungs = Ladder(small_table(), CONTINENTS).describe(Network(4, 17))
    assert tuple(rung.rung for rung in rungs) == RUNGS
    assert [rung.text for rung in rungs] == [
        "0.0.17.0/24",
        "0.0.16.0/22",
        "JP, AS7 near 35.5,139.3",
        "AS7",
        "JP",
        "AS",
        "world",
    ]


@pytest.mark.parametrize(("family", "bits"), [(4, 24), (6, 48)])
def test_the_prefix_is_the_largest_block_inside_the_run(family: int, bits: int) -> None:
    """Against the definition, block by block, on random runs and at both ends of the address space."""
    rng = np.random.default_rng(7)
    borders = {0, 1, 2, (1 << bits) - 1, (1 << bits) - 6} | {
        int(x) for x in rng.integers(0, 1 << bits, 40, np.uint64)
    }
    borders |= {border + int(rng.integers(1, 70)) for border in sorted(borders)[1:-5]}
    start = np.array(sorted(borders), np.uint64)
    runs = (start, np.arange(len(start)) % 2)
    nothing = (np.zeros(1, np.uint64), np.zeros(1, np.uint32))
    table = assemble(
        np.array([0, 5], np.uint64),
        np.zeros((1, 2), np.uint8),
        *((runs, nothing) if family == 4 else (nothing, runs)),
    )
    units = np.concatenate([start, start - np.uint64(1), rng.integers(0, 1 << bits, 200, np.uint64)])
    units = units[units < np.uint64(1 << bits)]
    keys = Ladder(table, {}).keys(np.full(len(units), family, np.uint8), units)[:, 1]
    for unit, key in zip(units.tolist(), keys.tolist(), strict=True):
        first, end = table.run_of(Network(family, unit))
        free = 0
        while free < bits - SHORTEST_PREFIX[family]:
            base = unit >> free + 1 << free + 1
            if base < first or base + (2 << free) > end:
                break
            free += 1
        assert key == family << 60 | bits - free << 52 | unit >> free << free


def test_a_prefix_key_reads_as_its_prefix() -> None:
    """IPv6 too."""
    unit = int(ipaddress.IPv6Address("2001:db8::")) >> 80
    assert prefix_text(6 << 60 | 32 << 52 | unit) == "2001:db8::/32"
