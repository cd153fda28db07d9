"""`simulate recorded`: recorded clients report to the real server and ask its DNS, again and again.

Every client is served with a predictor that never saw its group. Beacons are the recorded round trips
plus access noise, from five addresses of the client's /24, of the at most four POPs that the server plans for
each session; nothing of the server is bypassed and no guard is off, only the session budgets are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from collectors.geography import distance_km
from collectors.places import PlaceTable
from itm.catalog.types import Pop
from itm.simulate.access import Access, access_of
from itm.simulate.clients import Client
from itm.simulate.server import ReplayServer, serving
from models.artifact import Predictor, save

log = logging.getLogger(__name__)

NAME = "gw.example.net"
STAGES = (0, 5, 20, 100)
"""Beacons (sessions) per client before each round of questions."""

ADDRESSES = 5
BATCH_SESSIONS = 12
"""Sessions per beacon: four probes with two values each stay below the endpoint's limit of 100."""


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


def play_fold(
    fold: Fold,
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
    users = [_User(client, access_of(rng)) for client in fold.clients]
    numbers = {pop.id: number for number, pop in enumerate(pops)}
    outcomes: list[Outcome] = []
    with serving(state, catalog) as server:
        sent = done = 0
        answers = _ask_all(server, users, pops)
        for stage in STAGES:
            if stage:
                sent += sum(user.report(server, stage - done, numbers, rng) for user in users)
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


@dataclass(frozen=True, slots=True)
class _User:
    """A client that measures, and how its values scatter."""

    client: Client
    access: Access

    def report(
        self, server: ReplayServer, sessions: int, numbers: Mapping[str, int], rng: np.random.Generator
    ) -> int:
        """Play that many sessions from this user's addresses in turn; return the measurements sent.

        `numbers` says which column of the recordings a POP id is.
        """
        sent = 0
        for number in range(ADDRESSES):
            address = str(self.client.network.prefix[10 + number])
            mine = len(range(number, sessions, ADDRESSES))
            for begin in range(0, mine, BATCH_SESSIONS):
                items = [
                    item
                    for _ in range(begin, min(begin + BATCH_SESSIONS, mine))
                    for probe in server.views.session(address)
                    for item in self._observe(probe, numbers[probe["pop"]], rng)
                ]
                server.views.report(address, items)
                sent += len(items)
        return sent

    def _observe(
        self, probe: Mapping[str, str], pop: int, rng: np.random.Generator
    ) -> Iterator[dict[str, Any]]:
        seen = self.access.observe(self.client.rtt_ms[pop], rng)
        whose = {"pop": probe["pop"], "token": probe["token"]}
        yield {**whose, "metric": "availability", "value": 0 if seen is None else 1}
        if seen is not None:
            yield {**whose, "metric": "rtt_ms", "value": round(seen, 3)}


def _ask_all(server: ReplayServer, users: Sequence[_User], pops: Sequence[Pop]) -> list[int]:
    ids = [p.id for p in pops]
    return [ids.index(server.front.pop_of(NAME, str(user.client.network))) for user in users]
