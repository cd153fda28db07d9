"""The ladder of a network: itself, its routing prefix, its place, AS, country, continent, the world.

Every rung is one 64-bit key that means the same in every edition of the place table, so that windows
keep what they learned when the table changes. Knows no measurement and no POP.

A key is packed by arithmetic: `network` = family << 60 | unit; `prefix` = family << 60 | length << 52 |
first unit; `place` as `PlaceTable.key`; `as` = its number; `country` and `continent` by `code_of`; `world`
= 0. Key 0 on any rung but the last means that the rung is not known: nothing may be learned on it.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.network import ADDRESS_BITS, UNIT_BITS, Network
from collectors.places import PlaceTable, code_of

RUNGS: Final = ("network", "prefix", "place", "as", "country", "continent", "world")
"""From the finest to the coarsest; `place` is AS x region."""

SHORTEST_PREFIX: Final = {4: 12, 6: 28}
"""No `prefix` rung is shorter, whatever its run: a rung must stay local."""


@dataclass(frozen=True, slots=True)
class LadderRung:
    """One rung of one network: `key` as in `Ladder.keys`, `text` for people."""

    rung: str
    key: int
    text: str

    @property
    def is_known(self) -> bool:
        """Whether the table knows this rung of the network."""
        return self.key != 0 or self.rung == "world"


class Ladder:
    """Climbs from networks to rungs; `continents` maps country codes to continent codes."""

    def __init__(self, places: PlaceTable, continents: Mapping[str, str]) -> None:
        self.places = places
        self._continents = tuple(continents.get(country, "") for country in places.countries)
        self._country_keys = np.array([code_of(country) for country in places.countries], np.uint64)
        self._continent_keys = np.array([code_of(continent) for continent in self._continents], np.uint64)

    def keys(self, family: npt.NDArray[np.uint8], unit: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Return the keys of n networks, shape (n, 7), columns in the order of `RUNGS`."""
        family = np.asarray(family, np.uint8)
        unit = np.asarray(unit, np.uint64)
        keys = np.zeros((len(unit), len(RUNGS)), np.uint64)
        place = np.zeros(len(unit), np.uint32)
        keys[:, 0] = family.astype(np.uint64) << np.uint64(60) | unit
        for version in (4, 6):
            rows = np.flatnonzero(family == version)
            if len(rows):
                first, end, place[rows] = self.places.runs_of(version, unit[rows])
                keys[rows, 1] = _prefix_keys(version, unit[rows], first, end)
        country = self.places.country[place]
        keys[:, 2] = self.places.key[place]
        keys[:, 3] = self.places.asn[place]
        keys[:, 4] = self._country_keys[country]
        keys[:, 5] = self._continent_keys[country]
        return keys

    def wide_keys(self, place: npt.NDArray[np.integer[Any]]) -> dict[str, npt.NDArray[np.uint64]]:
        """Return the keys of places on the rungs above their own, by rung."""
        country = self.places.country[place]
        return {
            "as": self.places.asn[place].astype(np.uint64),
            "country": self._country_keys[country],
            "continent": self._continent_keys[country],
            "world": np.zeros(len(place), np.uint64),
        }

    def describe(self, network: Network) -> tuple[LadderRung, ...]:
        """Return the seven rungs of one network, finest first; a rung not known reads `unknown`."""
        keys = self.keys(np.array([network.family], np.uint8), np.array([network.unit], np.uint64))[0]
        place = self.places.place_of(network)
        country = int(self.places.country[place])
        texts = (
            str(network),
            prefix_text(int(keys[1])),
            self._place_text(place),
            f"AS{keys[3]}",
            self.places.countries[country],
            self._continents[country],
            "world",
        )
        rungs = (LadderRung(rung, int(key), text) for rung, key, text in zip(RUNGS, keys, texts, strict=True))
        return tuple(r if r.is_known else LadderRung(r.rung, 0, "unknown") for r in rungs)

    def _place_text(self, place: int) -> str:
        asn, country = int(self.places.asn[place]), int(self.places.country[place])
        text = f"{self.places.countries[country] or 'country unknown'}, {f'AS{asn}' if asn else 'no AS'}"
        lat, lon = float(self.places.lat[place]), float(self.places.lon[place])
        return text if math.isnan(lat) else f"{text} near {lat:.1f},{lon:.1f}"


def prefix_text(key: int) -> str:
    """Return the prefix of a `prefix` key in CIDR notation."""
    family, length, unit = key >> 60, key >> 52 & 0xFF, key & (1 << 48) - 1
    first = unit << (ADDRESS_BITS[family] - UNIT_BITS[family])
    if family == 4:
        return str(ipaddress.IPv4Network((first, length)))
    return str(ipaddress.IPv6Network((first, length)))


def _prefix_keys(
    family: int,
    unit: npt.NDArray[np.uint64],
    first: npt.NDArray[np.uint64],
    end: npt.NDArray[np.uint64],
) -> npt.NDArray[np.uint64]:
    """Return the keys of the largest aligned blocks around `unit` that stay inside [first, end).

    An aligned block of 2^k units around u leaves out a unit v exactly when u and v differ at bit k or
    above. The units to leave out are first - 1 and end; at the ends of the address space there is none.
    """
    bits = UNIT_BITS[family]
    below = np.where(first == 0, bits + 1, _bit_length(unit ^ (first - np.uint64(1))))
    above = np.where(end >> np.uint64(bits) != 0, bits + 1, _bit_length(unit ^ end))
    free = np.minimum(np.minimum(below, above) - 1, bits - SHORTEST_PREFIX[family]).astype(np.uint64)
    length = np.uint64(bits) - free
    keys: npt.NDArray[np.uint64] = np.uint64(family << 60) | length << np.uint64(52) | unit >> free << free
    return keys


def _bit_length(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the bit length of each value below 2^53 (exact: such a value fits a double)."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)
