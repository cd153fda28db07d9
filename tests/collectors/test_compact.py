"""Ranges, their overlay, and the fold into units."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest

from collectors.compact import ATOM_BITS, Located, Pieces, Ranges, build, fold, overlay
from collectors.network import UNIT_BITS, Network
from collectors.places import keys_of

LOCATED = Located(
    ("", "JP", "JP", "GB", "FR"),
    np.array([np.nan, 35.2, 35.8, 51.5, np.nan]),
    np.array([np.nan, 139.1, 139.3, -0.1, np.nan]),
)
ASNS = np.array([0, 7, 9], np.uint32)


def ranges(family: int, rows: dict[str, int]) -> Ranges:
    networks = [ipaddress.ip_network(prefix) for prefix in rows]
    shift = 0 if family == 4 else 64
    return Ranges.of(
        family,
        np.array([int(network.network_address) >> shift for network in networks], np.uint64),
        np.array([network.prefixlen for network in networks], np.uint8),
        np.array(list(rows.values()), np.uint32),
    )


def pieces(family: int, city: dict[str, int], asn: dict[str, int]) -> Pieces:
    return overlay(family, ranges(family, city), LOCATED.cell_keys(), ranges(family, asn), ASNS)


def key(row: int, asn: int) -> int:
    cell = LOCATED.cell_keys()[row : row + 1]
    return int(cell[0]) << 32 | int(ASNS[asn])


def test_ranges_have_gaps_and_end_with_the_address_space() -> None:
    """Row 0 before, between and after; neighbours touch; the last network may end the space."""
    held = ranges(4, {"1.0.0.0/24": 1, "1.0.1.0/24": 2, "255.0.0.0/8": 3})
    atoms = [
        0,
        0x00FFFFFF,
        0x01000000,
        0x010000FF,
        0x01000100,
        0x01000200,
        0xFEFFFFFF,
        0xFF000000,
        0xFFFFFFFF,
    ]
    assert held.at(np.array(atoms, np.uint64)).tolist() == [0, 0, 1, 1, 2, 0, 0, 3, 3]
    assert int(held.start[-1]) == 0xFF000000


def test_ipv6_ranges_may_start_and_end_the_address_space() -> None:
    """2^64 atoms wrap to 0, which is not a border."""
    held = ranges(6, {"::/16": 1, "ff00::/8": 2})
    atoms = np.array([0, 1 << 48, 0xFF << 56, (1 << 64) - 1], np.uint64)
    assert held.at(atoms).tolist() == [1, 0, 2, 2]


def test_networks_inside_one_atom_count_once() -> None:
    """The first /65 stands for its /64."""
    held = ranges(6, {"2001:db8::/65": 1, "2001:db8:0:0:8000::/65": 2, "2001:db8:0:1::/64": 3})
    first = 0x20010DB8 << 32
    assert held.at(np.array([first, first + 1, first + 2], np.uint64)).tolist() == [1, 3, 0]


def test_no_networks_are_one_range_of_nobody() -> None:
    """An address family a database does not hold."""
    held = ranges(6, {})
    assert (held.start.tolist(), held.row.tolist()) == ([0], [0])
    start, keys = fold(pieces(6, {}, {}))
    assert (start.tolist(), keys.tolist()) == ([0], [0])


def test_a_divided_unit_goes_to_the_place_with_most_addresses() -> None:
    """128 addresses of AS 7 in Japan against 64 + 32 in London; nobody's 32 do not vote."""
    start, keys = fold(
        pieces(4, {"0.0.1.0/25": 1, "0.0.1.128/26": 3, "0.0.1.192/27": 3}, {"0.0.1.0/24": 1, "0.0.3.0/32": 2})
    )
    assert start.tolist() == [0, 1, 2, 3, 4]
    assert keys.tolist() == [0, key(1, 1), 0, key(0, 2), 0]


def test_an_as_alone_loses_to_a_place() -> None:
    """The City database knows a quarter of the /24: that is where the rest is, too."""
    _, keys = fold(pieces(4, {"0.0.1.0/26": 3}, {"0.0.1.0/24": 1}))
    assert keys.tolist() == [0, key(3, 1), 0]


def test_parts_of_one_place_vote_together() -> None:
    """Three pieces of 64, 32 and 64 addresses in one cell beat 96 elsewhere."""
    _, keys = fold(
        pieces(
            4,
            {"0.0.1.0/26": 1, "0.0.1.64/27": 2, "0.0.1.96/27": 3, "0.0.1.128/26": 2, "0.0.1.192/26": 3},
            {"0.0.1.0/24": 1},
        )
    )
    assert keys.tolist() == [0, key(1, 1), 0]


def test_neighbours_of_one_place_are_one_run() -> None:
    """Two City rows in one cell with one AS: one run across both networks."""
    start, keys = fold(pieces(4, {"0.0.1.0/24": 1, "0.0.2.0/23": 2}, {"0.0.0.0/16": 1}))
    assert start.tolist() == [0, 1, 4, 256]
    assert keys.tolist() == [key(0, 1), key(1, 1), key(0, 1), 0]


@pytest.mark.parametrize("family", [4, 6])
def test_the_fold_agrees_with_counting_atoms(family: int) -> None:
    """Against a plain count per unit, on random networks around a few units."""
    rng = np.random.default_rng(3)
    inner = ATOM_BITS[family] - UNIT_BITS[family]
    base = 40 << inner
    city, asn = (np.zeros(6 << inner, int) for _ in range(2))
    drawn: list[list[tuple[int, int, int]]] = [[], []]
    for rows, table in zip(drawn, (city, asn), strict=True):
        at = 0
        while at < len(table):
            free = int(rng.integers(inner - 4, inner + 2))
            row = int(rng.integers(0, 3))
            if at % (1 << free) == 0 and at + (1 << free) <= len(table):
                table[at : at + (1 << free)] = row
                if row:
                    rows.append((base + at, ATOM_BITS[family] - free, row))
                at += 1 << free
    held = [
        Ranges.of(
            family,
            np.array([row[0] for row in rows], np.uint64),
            np.array([row[1] for row in rows]),
            np.array([row[2] for row in rows], np.uint32),
        )
        for rows in drawn
    ]
    start, keys = fold(overlay(family, held[0], LOCATED.cell_keys(), held[1], ASNS))
    for unit in range(6):
        span = slice(unit << inner, (unit + 1) << inner)
        voters, counts = np.unique(city[span] * 3 + asn[span], return_counts=True)
        votes: dict[int, int] = {}
        for voter, count in zip(voters.tolist(), counts.tolist(), strict=True):
            place = key(voter // 3, voter % 3)
            votes[place] = votes.get(place, 0) + count
        best = min(votes, key=lambda place: (place >> 32 == 0, place == 0, -votes[place], place))
        assert int(keys[start.searchsorted(unit + 40, "right") - 1]) == best


def test_a_cell_lies_where_its_announced_addresses_are() -> None:
    """Three announced /24s at 35.2 N and one at 35.8 N; a /8 that nobody announces does not count."""
    v4 = pieces(
        4,
        {"1.0.0.0/24": 1, "1.0.2.0/23": 1, "1.0.4.0/24": 2, "2.0.0.0/8": 2},
        {"1.0.0.0/21": 1},
    )
    table = build(LOCATED, v4, pieces(6, {}, {}), "edition", "credit")
    place = table.place_of(Network.of("1.0.0.0"))
    assert float(table.lat[place]) == pytest.approx(35.35, abs=1 / 256)
    assert float(table.lon[place]) == pytest.approx(139.15, abs=1 / 256)
    assert table.weight[place] == 4.0
    assert table.lat[table.place_of(Network.of("2.0.0.0"))] == table.lat[place]


def test_a_cell_of_ipv6_alone_has_a_position_too() -> None:
    """Where no IPv4 address speaks, IPv6 networks do, and the place weighs 1."""
    table = build(LOCATED, pieces(4, {}, {}), pieces(6, {"2001:db8::/32": 3}, {}), "edition", "credit")
    place = table.place_of(Network.of("2001:db8::"))
    assert float(table.lat[place]) == pytest.approx(51.5, abs=1 / 256)
    assert float(table.lon[place]) == pytest.approx(-0.1, abs=1 / 256)
    assert table.weight[place] == 1.0


def test_a_country_without_a_position_is_a_place_without_one() -> None:
    """The predictor gets NaN; the country is known."""
    table = build(LOCATED, pieces(4, {"1.0.0.0/24": 4}, {}), pieces(6, {}, {}), "edition", "credit")
    place = table.place_of(Network.of("1.0.0.0"))
    assert table.countries[table.country[place]] == "FR"
    assert np.isnan(table.lat[place])
    assert table.cell[place] != 0
    assert int(table.key[place]) == int(keys_of(table_code("FR"), np.zeros(1, int), np.zeros(1, int))[0])


def table_code(country: str) -> np.ndarray:
    return np.array([(ord(country[0]) - 64) * 27 + ord(country[1]) - 64])
