"""The census: who is where by all sources, the heaviest networks, ASes and countries; for people and metrics.

One small JSON file that each build replaces if it says something new. Networks only, as everywhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.ladder import RUNGS
from collectors.network import Network
from collectors.places import code_of, letters_of
from itm.routemap.querycounts import QueryCounts
from itm.steer.behind import family_of, unit_of
from itm.steer.demand import Demand, prior_share
from itm.steer.evidence import Keys
from itm.steer.querylog import by_service
from itm.steer.world import World

log = logging.getLogger(__name__)

FILE: Final = "demand.json"
MOST: Final = 20
"""Lines of each list."""

_PLACE, _AS, _COUNTRY = (RUNGS.index(rung) for rung in ("place", "as", "country"))


@dataclass(frozen=True, slots=True)
class Line:
    """One network, AS or country: its share of demand, and what each source says of it.

    `addresses` in announced /24s; `clients` that measured; `queries` of the last day, fading.
    """

    name: str
    share: float
    addresses: int
    clients: int
    queries: int


@dataclass(frozen=True, slots=True)
class Census:
    """Sums over all networks, and the heaviest of each kind.

    `addresses_share` is the share of demand that follows addresses; `queries` counts those of the last day by
    service, `lost` those of them whose networks had no room.
    """

    networks: int
    clients: int
    queries_per_client: float
    addresses_share: float
    hours: int
    lost: int
    queries: dict[str, int]
    heaviest: dict[str, list[Line]]


def census(world: World, demand: Demand, hours: Sequence[QueryCounts]) -> Census:
    """Return what is known of demand now; `hours` are the query counts of the last day."""
    keys = world.ladder.keys(family_of(demand.key), unit_of(demand.key))
    places = world.places
    country = np.array([code_of(name) for name in places.countries], np.uint64)[places.country]
    addresses = np.where(places.key > 0, places.weight, 0)
    four = (family_of(demand.key) == 4) & (keys[:, _PLACE] > 0)
    whole = float(addresses.sum(dtype=np.float64))
    return Census(
        networks=len(demand.key),
        clients=round(float(demand.clients.sum(dtype=np.float64))),
        queries_per_client=round(demand.queries_per_client, 2),
        addresses_share=round(prior_share(float(demand.counted.sum(dtype=np.float64))), 4),
        hours=len(hours),
        lost=sum(one.lost for one in hours),
        queries=by_service(hours),
        heaviest={
            "network": _lines(demand, demand.key, demand.key, four, whole, _network_text),
            "as": _lines(demand, keys[:, _AS], places.asn, addresses, whole, _as_text),
            "country": _lines(demand, keys[:, _COUNTRY], country, addresses, whole, letters_of),
        },
    )


def _lines(
    demand: Demand,
    key: Keys,
    prior_key: npt.NDArray[Any],
    prior: npt.NDArray[Any],
    whole: float,
    text: Callable[[int], str],
) -> list[Line]:
    """Return the heaviest of one kind: `key` of each counted network, `prior` addresses of each `prior_key`.

    Key 0 is not known and not shown.
    """
    group = np.union1d(key, prior_key.astype(np.uint64))
    at, prior_at = np.searchsorted(group, key), np.searchsorted(group, prior_key.astype(np.uint64))
    counted, clients, queries = (
        np.bincount(at, values, len(group)) for values in (demand.counted, demand.clients, demand.queries)
    )
    addresses = np.bincount(prior_at, prior, len(group))
    of_prior = prior_share(float(counted.sum()))
    share = of_prior * addresses / max(whole, 1.0)
    share += (1 - of_prior) * counted / max(float(counted.sum()), 1e-9)
    share[group == 0] = 0
    heaviest = np.argsort(-share, kind="stable")[:MOST]
    return [
        Line(
            text(int(group[g])),
            round(float(share[g]), 6),
            round(float(addresses[g])),
            round(float(clients[g])),
            round(float(queries[g])),
        )
        for g in heaviest.tolist()
        if share[g] > 0
    ]


def _network_text(key: int) -> str:
    return str(Network.of_key(key))


def _as_text(number: int) -> str:
    return f"AS{number}"


class CensusFile:
    """Keeps the file in the state directory up to date."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._last = b""

    def write(self, world: World, demand: Demand, hours: Sequence[QueryCounts]) -> None:
        """Replace the file if it would say something else. A disk that refuses is told."""
        packed = json.dumps(asdict(census(world, demand, hours))).encode()
        if packed == self._last:
            return
        try:
            arrays.write(self._path, packed)
            self._last = packed
        except OSError as error:
            log.warning("census.unwritten", extra={"reason": str(error)})
