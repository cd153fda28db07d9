"""A small invented Internet for the tests of `models`, and the shipped one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.artifact import Origin, Predictor, current_versions
from models.evaluate import measured
from models.latency import LatencyModel
from models.prior import floor_ms
from models.sites import Sites
from models.training import TrainingTable, load

ROOT = Path(__file__).resolve().parents[2]
CONTINENTS = {"NL": "EU", "DE": "EU", "KZ": "AS", "AE": "AS", "US": "NA", "BR": "SA"}
CENTRES = {"NL": (52, 5), "DE": (50, 9), "KZ": (43, 77), "AE": (25, 55), "US": (39, -95), "BR": (-23, -47)}


def invent(detour: bool) -> TrainingTable:
    """Return 18 nodes in each of six countries, three of them servers, except in KZ, which has none.

    With a `detour` round trips scatter, and KZ reaches AE, the nearest, by the US. Without one a round trip
    is exactly 1.4 floors, so that the nearest POP is always the best.
    """
    random = np.random.default_rng(7)
    country = np.repeat(list(CENTRES), 18)
    centre = np.array([CENTRES[code] for code in country], float)
    lat, lon = (centre + random.uniform(-2, 2, centre.shape)).T
    provider = np.where((np.arange(len(country)) % 6 == 0) & (country != "KZ"), "aws", "")
    sites = Sites.of(lat, lon, country, provider)
    rtt_ms = 1.4 * floor_ms(sites, sites)
    if detour:
        rtt_ms *= np.exp(random.normal(0, 0.15, rtt_ms.shape))
        kz, ae = country == "KZ", country == "AE"
        rtt_ms[np.outer(kz, ae) | np.outer(ae, kz)] += 150.0
    np.fill_diagonal(rtt_ms, np.nan)
    is_server = (np.arange(len(country)) % 6 == 0) & (country != "KZ")
    geoip = Sites.of(lat + random.normal(0, 0.1, len(lat)), lon, country)
    return TrainingTable(sites, geoip, np.arange(len(country)) // 2, is_server, rtt_ms, "invented")


@pytest.fixture(scope="session")
def continents() -> dict[str, str]:
    return CONTINENTS


@pytest.fixture(scope="session")
def table() -> TrainingTable:
    return invent(detour=True)


@pytest.fixture(scope="session")
def straight_table() -> TrainingTable:
    return invent(detour=False)


@pytest.fixture(scope="session")
def predictor(table: TrainingTable) -> Predictor:
    model = LatencyModel().fit(measured(table, CONTINENTS))
    return Predictor.of(model, CONTINENTS, Origin("data", 1_700_000_000.0, current_versions()))


@pytest.fixture(scope="session")
def shipped() -> TrainingTable:
    return load(ROOT / "data" / "training")
