"""The leg behind a POP: its round trip to the Resource Locations of a class, predicted and then measured.

A location is a client like any other: the predictor knows its place, and where the catalog names one of its
networks, what was measured there (by POPs' feeds) moves the estimate down the same ladder, and in the end
by itself. One number per POP and class, in whole ms, so that noise alone moves no decision.
"""

from __future__ import annotations

import numpy as np

from collectors.ladder import RUNGS
from collectors.network import Network
from itm.catalog.types import Location
from itm.steer.classes import SteeringClass
from itm.steer.estimate import Floats
from itm.steer.evidence import Evidence
from itm.steer.world import World


def legs_of(world: World, evidence: Evidence, steering: SteeringClass) -> Floats | None:
    """Return each POP's leg in ms, the mean over the class's locations by weight; None without `joint`."""
    if "joint" not in steering.steer:
        return None
    locations = steering.tuning.locations
    legs = np.array([_leg(world, evidence, one) for one in locations], dtype=np.float64)
    weights = np.array([one.weight for one in locations], dtype=np.float64)
    mean: Floats = np.round(weights @ legs / weights.sum()).astype(np.float32)
    return mean


def _leg(world: World, evidence: Evidence, location: Location) -> Floats:
    prediction = world.leg_predictions[location]
    if not location.network:
        predicted: Floats = prediction[1]
        return predicted
    network = Network.of(location.network)
    ladder = world.ladder.keys(np.array([network.family], np.uint8), np.array([network.unit], np.uint64))
    keys = {rung: ladder[:, RUNGS.index(rung)] for rung in evidence.drawn}
    estimated: Floats = evidence.estimate(prediction[:, None, :], keys).rtt[0]
    site = evidence.sites.get(location)
    return estimated if site is None else site.shrunk(estimated)
