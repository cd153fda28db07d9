from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from collectors.network import Network
from itm.simulate.clients import Client
from itm.simulate.recorded import Fold
from itm.simulate.resolvers import Asked, Stand, ask_fold
from models.artifact import Predictor
from tests.itm.steer.station import FakePredictor
from tests.itm.steer.worlds import AMERICA, CONTINENTS, DUTCH, JAPAN, LAT, LON, P50, POPS, places


class Knowing(FakePredictor):
    """Predicts `worlds.P50`; knows the continents as a real one does."""

    continents = CONTINENTS


def clients() -> list[Client]:
    """Ten in each of three places, with the round trips that are predicted there."""
    found = []
    for place, address in enumerate((JAPAN, DUTCH, AMERICA), start=1):
        first = Network.of(address).unit & ~255
        rtt_ms = tuple(float(column[place]) for column in P50.values())
        for number in range(10):
            where = (float(LAT[place]), float(LON[place]))
            found.append(Client(len(found), len(found), Network(4, first + number), *where, rtt_ms))
    return found


@pytest.mark.parametrize("measured", [False, True])
def test_crowds_are_asked_for_each_way(tmp_path: Path, measured: bool) -> None:
    """Around the resolver nothing is to be gained; elsewhere the map gains all that client subnets would."""
    everyone = clients()
    fold = Fold(cast("Predictor", Knowing()), tuple(everyone[::4]))
    stand = Stand(places(), POPS, tmp_path)
    found = ask_fold(fold, everyone, stand, np.random.default_rng(1), measured=measured)
    near, elsewhere = ([one for one in found if one.kind == kind] for kind in ("near", "elsewhere"))
    assert len(near) > 20
    assert all(one.by_map == one.by_resolver == one.by_client == one.best for one in near)
    assert _mean(elsewhere, "by_resolver") > 50
    assert all(one.by_map == one.by_client == one.best == one.best_for_all for one in elsewhere)
    assert all(one.best <= one.best_for_all for one in found)


def _mean(found: list[Asked], way: str) -> float:
    return float(np.mean([getattr(one, way) for one in found]))
