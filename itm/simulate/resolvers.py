"""`simulate resolvers`: how much of what client subnets would bring the resolver map brings without them.

Recorded clients stand behind made-up resolvers. The real decision learns who some of them are, and all the
others are asked for: by the resolver's own network, by the resolver map, and by their own network. Round
trips are the recorded ones; who is asked for was seen neither by the predictor nor behind the resolver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import aggregate
from collectors.clienteletable import ClienteleTable
from collectors.geography import distance_km
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.ladder import Ladder
from collectors.measurement import Measurement, records
from collectors.network import Network
from collectors.places import PlaceTable
from collectors.window import Windows
from itm.catalog.types import Catalog, Pop, Rule, Service
from itm.routemap.routemap import ClassMap
from itm.simulate.access import access_of
from itm.simulate.clients import Client
from itm.simulate.recorded import Fold
from itm.steer.behind import MIN_CLIENTS, Behind
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.predict import predict_cells, predictions_digest
from itm.steer.resolvers import Resolvers
from itm.steer.world import World

NOW: Final = 1_700_000_000.0
HALF_LIFE_SECONDS: Final = 43_200.0
ADDRESSES: Final = 5
SAMPLES: Final = 4
"""Measurements of each POP by each of a network's addresses, where clients measure."""

BUILDS: Final = 3
"""A resolver that is new is served by where it is; two builds must want another POP."""

CROWD: Final = 24
"""Most clients behind one resolver: some four fifths are learned, the others asked for."""

NEAR_KM: Final = 260.0  # the median from all clients to their resolvers: 162 miles
FAR_KM: Final = 1650.0  # and from those of public ones: 1028 miles (Chen et al. 2015, 3)
KINDS: Final = ("near", "public", "elsewhere")
"""Who is behind a resolver: clients around it, rarer by a half every so many kilometres; or those around
some other place, as behind a company's own resolver.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One client behind one resolver: its round trips in ms.

    By the resolver's network, by the resolver map, and by its own network; and the best there is with one POP
    for the whole crowd, and with one for each client.
    """

    kind: str
    by_resolver: float
    by_map: float
    by_client: float
    best_for_all: float
    best: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """One resolver: the network it stands in, and the clients behind it by number, each once."""

    resolver: Network
    learned: tuple[int, ...]
    asked: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """What all folds stand on; `folder` keeps predictions."""

    places: PlaceTable
    pops: tuple[Pop, ...]
    folder: Path


def ask_fold(
    fold: Fold,
    clients: Sequence[Client],
    stand: Stand,
    rng: np.random.Generator,
    *,
    measured: bool,
) -> list[Asked]:
    """Put every client's network in the place of a resolver, with a crowd of each kind behind it.

    A resolver behind which too few are known has no row and is left out: it is answered by where it is.
    `measured`: all clients have measured all POPs; else nobody has, and predictions decide.
    """
    world = _world(fold, stand)
    evidence = _evidence(world, clients, rng) if measured else Evidence.nothing(len(world.pops))
    held = {client.node for client in fold.clients}
    distances = _distances(clients)
    found: list[Asked] = []
    for kind in KINDS:
        crowds = [_crowd(kind, number, clients, distances, held, rng) for number in range(len(clients))]
        crowds = [one for one in crowds if len(one.learned) >= MIN_CLIENTS]
        table = _decided(world, evidence, clients, crowds)
        best = [_best_for_all(one, clients) for one in crowds]
        found += [
            _asked(kind, table, one, clients[number], pop)
            for one, pop in zip(crowds, best, strict=True)
            for number in one.asked
        ]
    return found


def _world(fold: Fold, stand: Stand) -> World:
    places, pops = stand.places, stand.pops
    names = tuple(pop.id for pop in pops)
    service = Service("gw.example.net.", 20, (("world", names),), (Rule(("world",)),))
    return World(
        catalog=Catalog(pops, (service,), ()),
        catalog_version=1,
        places=places,
        continents=dict(fold.predictor.continents),
        predictions=predict_cells(fold.predictor, places, pops, stand.folder),
        digest=predictions_digest(fold.predictor, places, pops),
    )


def _evidence(world: World, clients: Sequence[Client], rng: np.random.Generator) -> Evidence:
    """Let every client measure every POP, with the noise of its access, past the real guard and windows."""
    batch = []
    for client in clients:
        access = access_of(rng)
        for pop, rtt_ms in zip(world.pops, client.rtt_ms, strict=True):
            seen = [access.observe(rtt_ms, rng) for _ in range(ADDRESSES * SAMPLES)]
            batch += [
                Measurement(client.network, pop, "rtt_ms", value, NOW, "rum", client=1 + at % ADDRESSES)
                for at, value in enumerate(seen)
                if value is not None
            ]
    pops = world.catalog.pops
    sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
    ladder = Ladder(world.places, world.continents)
    taken = take(records(batch), Guard(len(batch)), ladder, sites, NOW, HALF_LIFE_SECONDS)
    windows = Windows(len(batch), HALF_LIFE_SECONDS, lambda: NOW)
    windows.merge(taken.gathered)
    return Evidence.of_world(aggregate(windows, lambda: NOW), world)


def _distances(clients: Sequence[Client]) -> npt.NDArray[np.float64]:
    """Return the kilometres between all clients."""
    lat, lon = (np.array([getattr(client, name) for client in clients]) for name in ("lat", "lon"))
    return np.asarray(distance_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :]), np.float64)


def _crowd(
    kind: str,
    number: int,
    clients: Sequence[Client],
    distances: npt.NDArray[np.float64],
    held: set[int],
    rng: np.random.Generator,
) -> Crowd:
    """Draw who is behind the resolver that stands where client `number` is; it is not one of them itself."""
    centre = int(rng.integers(len(clients))) if kind == "elsewhere" else number
    away = distances[centre].copy()
    away[number] = np.inf
    likely = np.exp2(-away / (FAR_KM if kind == "public" else NEAR_KM))
    members = rng.permutation(np.flatnonzero(rng.random(len(away)) < likely))[:CROWD].tolist()
    asked = tuple(member for member in members if clients[member].node in held)
    learned = tuple(member for member in members if clients[member].node not in held)
    return Crowd(clients[number].network, learned, asked)


def _decided(
    world: World, evidence: Evidence, clients: Sequence[Client], crowds: Sequence[Crowd]
) -> ClassMap:
    """Build until a move that two builds want has been made."""
    rows = [(one.resolver.key, clients[member].network.key) for one in crowds for member in one.learned]
    resolver, client = (np.array(column, np.uint64) for column in zip(*rows, strict=True))
    table = ClienteleTable(resolver, client, np.ones(len(rows), np.float32), np.full(len(rows), NOW))
    resolvers = Resolvers.of(world, evidence, Behind.of(table, NOW, 7.0))
    steering, limits = world.classes[0], Limits(4, 1.0)
    made = build_class(world, evidence, steering, Memory.nothing(), limits, None, resolvers)
    for _ in range(BUILDS - 1):
        made = build_class(world, evidence, steering, made.after, limits, made, resolvers)
    return made.table


def _best_for_all(crowd: Crowd, clients: Sequence[Client]) -> int:
    """Return the POP that is nearest to all of a crowd together: no answer by resolver can do better."""
    members = [clients[number].rtt_ms for number in (*crowd.learned, *crowd.asked)]
    return int(np.mean(members, axis=0).argmin()) if members else 0


def _asked(kind: str, table: ClassMap, crowd: Crowd, client: Client, best_for_all: int) -> Asked:
    def rtt_ms(leaf: int) -> float:
        return client.rtt_ms[table.order_of(leaf)[0]]

    resolver, own = crowd.resolver, client.network
    at_resolver = table.lookup(resolver.family, resolver.unit)[0]
    learned = table.resolver_leaf(resolver.family, resolver.unit)
    return Asked(
        kind,
        rtt_ms(at_resolver),
        rtt_ms(at_resolver if learned is None else learned),
        rtt_ms(table.lookup(own.family, own.unit)[0]),
        client.rtt_ms[best_for_all],
        min(client.rtt_ms),
    )
