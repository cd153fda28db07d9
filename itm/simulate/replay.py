"""`simulate replay`: recorded clients report to the real server and ask its DNS, again and again.

Every client is served with a predictor that never saw its group. Beacons are the recorded round trips
plus access noise, from five addresses of the client's /24, to the at most four POPs a session plan
chooses; nothing of the server is bypassed and no guard is off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors.geography import distance_km
from collectors.places import PlaceTable
from collectors.rum.plan import choose_session
from itm.catalog.types import Pop
from itm.simulate.access import Access, access_of
from itm.simulate.clients import Client
from itm.simulate.server import ReplayServer, serving
from models.artifact import Predictor, save
from models.sites import Sites

log = logging.getLogger(__name__)

NAME = "gw.example.net"
STAGES = (0, 5, 20, 100)
"""Beacons (sessions) per client before each round of questions."""

ADDRESSES = 5
BATCH_ITEMS = 96
"""Items per request: a whole number of sessions below the endpoint's limit of 100."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One client after one stage: the POP it was sent to, by index into the catalog's POPs."""

    client: Client
    beacons: int
    pop: int

    @property
    def regret_ms(self) -> float:
        """What the answer costs against the client's best POP."""
        return self.client.rtt_ms[self.pop] - min(self.client.rtt_ms)


@dataclass(frozen=True, slots=True)
class Fold:
    """Clients, and the predictor that never saw them."""

    predictor: Predictor
    clients: tuple[Client, ...]


def replay_fold(
    fold: Fold,
    places: PlaceTable,
    pops: Sequence[Pop],
    catalog: Path,
    state: Path,
    seed: int,
    tell: Callable[[str], None],
) -> list[Outcome]:
    """Run one fold through all stages on a server of its own; `state` is its (new) state directory."""
    state.mkdir(parents=True)
    save(fold.predictor, state / "predictor.skops")
    rng = np.random.default_rng(seed)
    users = [_User.of(client, fold.predictor, places, pops, rng) for client in fold.clients]
    outcomes: list[Outcome] = []
    with serving(state, catalog) as server:
        sent = done = 0
        answers = _ask_all(server, users, pops)
        for stage in STAGES:
            if stage:
                sent += sum(
                    user.report(server, current, stage - done, pops, rng)
                    for user, current in zip(users, answers, strict=True)
                )
                done = stage
                report = server.settle(sent)
                tell(f"  {stage} beacons: {_told(report)}")
                answers = _ask_all(server, users, pops)
            outcomes += [Outcome(u.client, stage, pop) for u, pop in zip(users, answers, strict=True)]
    return outcomes


def _told(report: dict[str, Any]) -> str:
    refused = ", ".join(f"{count} {reason}" for reason, count in report["refused"].items() if count)
    counted = f"{report['counted']} measurements counted, {report['own_only']} of them faster than light"
    return f"{counted} from where GeoIP puts the client; refused: {refused or 'none'}"


def nearest(clients: Sequence[Client], places: PlaceTable | None, pops: Sequence[Pop]) -> list[int]:
    """Return each client's nearest POP, from where `places` puts it, else from its true position."""
    lat, lon = (np.array([getattr(p, f) for p in pops]) for f in ("lat", "lon"))
    chosen = []
    for client in clients:
        where = (client.lat, client.lon)
        if places is not None:
            place = places.place_of(client.network)
            where = (float(places.lat[place]), float(places.lon[place]))
        chosen.append(
            int(
                np.nanargmin(
                    np.nan_to_num(distance_km(np.array(where[0]), np.array(where[1]), lat, lon), nan=0.0)
                )
            )
        )
    return chosen


@dataclass(frozen=True, slots=True, eq=False)
class _User:
    """A client that measures: what the session plan knows of it, and how its values scatter."""

    client: Client
    access: Access
    predicted_ms: npt.NDArray[np.float32]
    spread_ms: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        client: Client,
        predictor: Predictor,
        places: PlaceTable,
        pops: Sequence[Pop],
        rng: np.random.Generator,
    ) -> _User:
        place = places.place_of(client.network)
        here = Sites.of(
            [float(places.lat[place])],
            [float(places.lon[place])],
            [places.countries[places.country[place]]],
        )
        there = Sites.of([p.lat for p in pops], [p.lon for p in pops], [p.country for p in pops])
        guess = predictor.predict(here, there)
        return cls(client, access_of(rng), guess.p50[0], (guess.p75 - guess.p25)[0])

    def report(
        self,
        server: ReplayServer,
        current: int,
        sessions: int,
        pops: Sequence[Pop],
        rng: np.random.Generator,
    ) -> int:
        """Send that many sessions from this user's addresses in turn; return the measurements sent."""
        sent = 0
        best = int(np.nanargmin(np.nan_to_num(self.predicted_ms, nan=np.inf)))
        for number in range(ADDRESSES):
            items: list[dict[str, Any]] = []
            for _ in range(number, sessions, ADDRESSES):
                plan = choose_session(current, best, self.predicted_ms, self.spread_ms, rng)
                for pop in plan:
                    items += self._observe(pops[pop].id, pop, rng)
            address = str(self.client.network.prefix[10 + number])
            for begin in range(0, len(items), BATCH_ITEMS):
                server.send(address, items[begin : begin + BATCH_ITEMS])
            sent += len(items)
        return sent

    def _observe(self, pop_id: str, pop: int, rng: np.random.Generator) -> list[dict[str, Any]]:
        seen = self.access.observe(self.client.rtt_ms[pop], rng)
        reached = {"pop": pop_id, "metric": "availability", "value": 0 if seen is None else 1}
        return (
            [reached]
            if seen is None
            else [reached, {"pop": pop_id, "metric": "rtt_ms", "value": round(seen, 3)}]
        )


def _ask_all(server: ReplayServer, users: Sequence[_User], pops: Sequence[Pop]) -> list[int]:
    ids = [p.id for p in pops]
    return [ids.index(server.front.pop_of(NAME, str(user.client.network))) for user in users]
