from __future__ import annotations

import pytest

from collectors.network import Network
from itm.simulate.clients import Client
from itm.simulate.recorded import STAGES, Outcome
from itm.simulate.report import Line, as_data, as_text, lines
from tests.itm.steer.worlds import DUTCH, JAPAN, POPS, places


def client(address: str, *rtt: float) -> Client:
    lat, lon = (35.7, 139.7) if address == JAPAN else (52.4, 4.9)
    return Client(0, 0, Network.of(address), lat, lon, rtt)


def test_a_line_summarises_regrets() -> None:
    """Mean, percentiles and shares of the regrets."""
    line = Line.of("x", [0.0, 0.0, 20.0, 40.0])
    assert (line.mean_ms, line.within_10_ms, line.within_25_ms, line.best) == (15.0, 0.5, 0.75, 0.5)


def test_each_stage_stands_beside_the_baselines() -> None:
    """Regret falls from stage to stage as the answers get better; round-robin and oracle frame it."""
    japan, dutch = client(JAPAN, 5, 12, 240, 160), client(DUTCH, 230, 235, 6, 84)
    outcomes = [Outcome(japan, stage, 0) for stage in STAGES]
    outcomes += [Outcome(dutch, stage, 3 if stage < 20 else 2) for stage in STAGES]
    table = {line.name: line for line in lines(outcomes, places(), POPS)}
    assert table["ITM, 5 beacons"].mean_ms == pytest.approx(39)
    assert table["ITM, 20 beacons"].mean_ms == 0
    assert table["oracle"].mean_ms == 0
    assert table["round-robin"].mean_ms == pytest.approx((99.25 + 132.75) / 2)
    assert len(as_data(list(table.values()))) == len(as_text(list(table.values())).splitlines()) - 1
