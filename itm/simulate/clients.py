"""Recorded clients: their round trips, and an address that the place table puts where they were."""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collectors.geography import distance_km
from collectors.network import Network
from collectors.places import PlaceTable
from itm.errors import ItmError
from models.training import TrainingTable
from models.world import World

NEAR_KM = 150.0
"""A place of the client's own AS counts as its city within this distance (a cell is some 100 km wide)."""


@dataclass(frozen=True, slots=True)
class Client:
    """One recorded client: its group leaves training together, `rtt_ms` are its true values per POP."""

    node: int
    group: int
    network: Network
    lat: float
    lon: float
    rtt_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a source directory knows of a node beyond the shipped table."""

    address: str
    asn: int


def clients_of(
    table: TrainingTable, world: World, places: PlaceTable, identities: Sequence[Identity] | None
) -> list[Client]:
    """Return every client whose round trips to all POPs are known, each in a network of its own.

    With identities, a client is asked for by its recorded address, or by a network of its city and AS;
    without, by the busiest network of the nearest place in its country.
    """
    taken: set[int] = set()
    clients = []
    for node in np.flatnonzero(~table.is_server):
        truth = table.rtt_ms[node, world.node]
        if not np.isfinite(truth).all():
            continue
        site = table.sites.take(np.array([node]))
        lat, lon, country = float(site.lat[0]), float(site.lon[0]), str(site.country[0])
        identity = identities[int(node)] if identities is not None else Identity("", 0)
        network = _network(places, lat, lon, country, identity, taken)
        taken.add(network.unit)
        clients.append(Client(int(node), int(table.group[node]), network, lat, lon, tuple(truth.tolist())))
    return clients


def read_identities(source: Path, table: TrainingTable) -> list[Identity]:
    """Read `nodes.csv` of the source that the training table was derived from, in the table's numbering.

    The numbering is that of `data/derive_training.py`: by country, latitude, longitude and id.
    Raises `ItmError` when the source is another one.
    """
    try:
        with (source / "nodes.csv").open(newline="", encoding="utf-8") as file:
            rows = sorted(
                csv.DictReader(file), key=lambda r: (r["country"], float(r["lat"]), float(r["lon"]), r["id"])
            )
    except (OSError, KeyError, ValueError) as error:
        raise ItmError(f"--source: {source}/nodes.csv: {error}") from error
    same = len(rows) == len(table) and all(
        r["country"] == str(c) for r, c in zip(rows, table.sites.country, strict=True)
    )
    if not same:
        raise ItmError(f"--source: {source}/nodes.csv is not what data/training was derived from")
    return [Identity(r["ipv4"], int(r["asn"] or 0)) for r in rows]


def _network(
    places: PlaceTable, lat: float, lon: float, country: str, identity: Identity, taken: set[int]
) -> Network:
    if identity.address:
        network = Network.of_address(ipaddress.IPv4Address(identity.address))
        if network.unit not in taken:
            return network
    for place in _places_near(places, lat, lon, country, identity.asn):
        for run in np.flatnonzero(places.v4_place == place):
            unit = int(places.v4_start[run])
            if unit not in taken:
                return Network(4, unit)
    raise ItmError(f"no place in {country} near {lat},{lon} has a network left")


def _places_near(places: PlaceTable, lat: float, lon: float, country: str, asn: int) -> npt.NDArray[np.intp]:
    """Return places in order of choice: the client's AS in its city, then the nearest of its country."""
    known = places.countries.index(country) if country in places.countries else 0
    here = np.flatnonzero((places.country == known) & (places.weight > 1))
    km = np.round(distance_km(np.array(lat), np.array(lon), places.lat[here], places.lon[here]))
    order = here[np.lexsort((-places.weight[here], km))]
    own = here[(places.asn[here] == asn) & (km <= NEAR_KM)] if asn else here[:0]
    return np.concatenate([own, order])
