"""What a compact place table loses against the databases it was made from: numbers for people.

Draws announced addresses and asks both for each. The databases are given as two look-ups, which return
their answer and the length of the prefix it holds for; this module opens no file.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.compact import ATOM_BITS, Ranges
from collectors.geography import distance_km
from collectors.network import Network
from collectors.places import PlaceTable, square_of

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Position = tuple[str, float, float]
"""Country code ("" unknown), latitude and longitude (NaN unknown)."""

Locate = Callable[[Address], tuple[Position, int]]
Attribute = Callable[[Address], tuple[int, int]]
"""Gives the AS number, 0 when unknown."""


@dataclass(frozen=True, slots=True)
class FamilyLoss:
    """The loss for one address family; shares are of `sample` announced addresses."""

    family: int
    sample: int
    position_km: tuple[float, float, float]  # p50, p90, p99
    country_share: float  # another country, or none
    asn_share: float  # another AS, or none
    divided_share: float  # in a unit that the databases divide between places

    def __str__(self) -> str:
        p50, p90, p99 = self.position_km
        return (
            f"IPv{self.family}, {self.sample:,} announced addresses: position off by {p50:.1f} km (p50), "
            f"{p90:.1f} km (p90), {p99:.1f} km (p99); country changed {self.country_share:.2%}, "
            f"AS changed {self.asn_share:.2%}; in a /{24 if self.family == 4 else 48} of several places "
            f"{self.divided_share:.2%}"
        )


@dataclass(frozen=True, slots=True)
class LossReport:
    """The loss of one table; `v6` is None when the City databases hold no IPv6."""

    v4: FamilyLoss | None
    v6: FamilyLoss | None

    def __str__(self) -> str:
        return "\n".join(str(family) for family in (self.v4, self.v6) if family is not None)


def draw(
    family: int, systems: Ranges, asns: npt.NDArray[np.uint32], sample: int, seed: int
) -> tuple[Address, ...]:
    """Draw announced addresses (`asns` has the AS number of each row of `systems`), the same for one seed.

    IPv4: evenly from all announced addresses. IPv6: evenly from the announced networks, since a few
    huge blocks would be the whole sample; of a /64 its ::1. Nothing announced: none.
    """
    size = np.append(systems.start[1:], np.uint64(1 << ATOM_BITS[family] & (1 << 64) - 1)) - systems.start
    chance = (asns[systems.row] != 0) * (size.astype(np.float64) if family == 4 else 1.0)
    if not chance.any():
        return ()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(chance), sample, p=chance / chance.sum())
    atoms = systems.start[chosen] + (rng.random(sample) * size[chosen]).astype(np.uint64)
    if family == 4:
        return tuple(ipaddress.IPv4Address(int(atom)) for atom in atoms)
    return tuple(ipaddress.IPv6Address(int(atom) << 64 | 1) for atom in atoms)


def measure(
    table: PlaceTable, drawn: Sequence[Address], locate: Locate, attribute: Attribute
) -> FamilyLoss | None:
    """Return the loss on addresses of one family, or None when the databases place none of them.

    Positions are compared where both sides know one.
    """
    positions = [locate(address)[0] for address in drawn]
    if not any(country or not math.isnan(lat) for country, lat, _ in positions):
        return None
    networks = [Network.of_address(address) for address in drawn]
    place = table.places_of(networks[0].family, np.array([network.unit for network in networks], np.uint64))
    country, lat, lon = (np.array(column) for column in zip(*positions, strict=True))
    asn = np.array([attribute(address)[0] for address in drawn], np.uint32)
    off = distance_km(lat, lon, table.lat[place], table.lon[place])
    off = off[np.isfinite(off)]
    p50, p90, p99 = np.percentile(off, [50, 90, 99]) if len(off) else (math.nan,) * 3
    return FamilyLoss(
        family=networks[0].family,
        sample=len(drawn),
        position_km=(float(p50), float(p90), float(p99)),
        country_share=float(np.mean(country != np.array(table.countries)[table.country[place]])),
        asn_share=float(np.mean(asn != table.asn[place])),
        divided_share=float(np.mean([_is_divided(network, locate, attribute) for network in networks])),
    )


def _is_divided(network: Network, locate: Locate, attribute: Attribute) -> bool:
    """Whether the databases put the addresses of a unit in several places."""
    prefix = network.prefix
    address, last = int(prefix.network_address), int(prefix.broadcast_address)
    places: set[tuple[str, int, int]] = set()
    while address <= last and len(places) < 2:
        here = type(prefix.network_address)(address)
        (country, lat, lon), length = locate(here)
        asn, as_length = attribute(here)
        places.add((country, int(square_of(np.array([lat]), np.array([lon]))[0]), asn))
        step = prefix.max_prefixlen - max(length, as_length)
        address = (address >> step) + 1 << step
    return len(places) > 1
