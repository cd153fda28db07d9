from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from itm.catalog.types import Catalog, Location, Tuning
from itm.steer.predict import KEEP, predict_cells, predict_legs, predictions_digest
from itm.steer.world import predictions_path
from tests.itm.steer.station import FakePredictor
from tests.itm.steer.worlds import LAT, LON, P50, POPS, places, service


def test_every_cell_is_predicted_for_every_pop(tmp_path: Path) -> None:
    """Three quantiles, cells and POPs in order; columns are the catalog's POPs."""
    got = predict_cells(FakePredictor(), places(), POPS, tmp_path)
    assert got.shape == (3, 4, 4)
    assert got.dtype == np.float32
    assert got[1, 1:].tolist() == np.array([P50[p.id] for p in POPS]).T[1:].tolist()


def test_the_unplaced_get_the_demand_weighted_median_of_the_rest(tmp_path: Path) -> None:
    """Cell 0 has no position: each POP's value there is what half of all demand is nearer than."""
    heavy = replace(places(), weight=np.array([999, 1, 5, 1], dtype=np.float32))
    got = predict_cells(FakePredictor(), heavy, POPS, tmp_path)
    assert np.isfinite(got).all()
    assert got[1, 0].tolist() == [P50[p.id][2] for p in POPS]
    even = predict_cells(FakePredictor("even"), places(), POPS, tmp_path)
    assert even[1, 0].tolist() == [sorted(P50[p.id][1:])[1] for p in POPS]
    assert (even[0, 0] <= even[1, 0]).all()
    assert (even[1, 0] <= even[2, 0]).all()


def test_a_prediction_is_made_once(tmp_path: Path) -> None:
    """The second time the file answers, with the same numbers, and the model is not asked."""
    predictor = FakePredictor()
    first = predict_cells(predictor, places(), POPS, tmp_path)
    again = predict_cells(predictor, places(), POPS, tmp_path)
    assert predictor.asked == 1
    assert np.array_equal(first, again)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_leg_is_the_way_from_a_location_to_every_pop() -> None:
    """Each location once, however many services name it; without any the model is not asked."""
    home = Location("home", "US", float(LAT[3]), float(LON[3]))
    steered = [service(f"{n}.example.net.", tuning=Tuning(locations=(home,))) for n in "ab"]
    predictor = FakePredictor()
    legs = predict_legs(predictor, Catalog(POPS, tuple(steered), ()))
    assert list(legs) == [home]
    assert legs[home][1].tolist() == [P50[p.id][0] for p in POPS]
    assert predictor.asked == 1
    assert predict_legs(predictor, Catalog(POPS, (service(),), ())) == {}
    assert predictor.asked == 1


@pytest.mark.parametrize("left", [0, 5, 100])
def test_a_damaged_file_is_made_anew(tmp_path: Path, left: int) -> None:
    """A crash may leave a file cut short; it must not keep the builder from starting."""
    predictor = FakePredictor()
    first = predict_cells(predictor, places(), POPS, tmp_path)
    path = predictions_path(tmp_path, predictions_digest(predictor, places(), POPS))
    path.write_bytes(path.read_bytes()[:left])
    assert np.array_equal(predict_cells(predictor, places(), POPS, tmp_path), first)
    assert predictor.asked == 2


def test_the_digest_names_all_that_shapes_the_prediction() -> None:
    """Model, places, and each POP's name and position; not its addresses or bias."""
    one = predictions_digest(FakePredictor(), places(), POPS)
    moved = (replace(POPS[0], lat=1.0), *POPS[1:])
    others = [
        predictions_digest(FakePredictor("other"), places(), POPS),
        predictions_digest(FakePredictor(), replace(places(), digest="new"), POPS),
        predictions_digest(FakePredictor(), places(), moved),
        predictions_digest(FakePredictor(), places(), POPS[::-1]),
    ]
    assert len({one, *others}) == 5
    assert predictions_digest(FakePredictor(), places(), (replace(POPS[0], bias=9.0), *POPS[1:])) == one


def test_only_the_newest_predictions_are_kept(tmp_path: Path) -> None:
    """Catalogs come and go; their predictions do not fill the disk."""
    for number in range(KEEP + 3):
        predict_cells(FakePredictor(str(number)), places(), POPS, tmp_path)
    assert len(list(tmp_path.iterdir())) == KEEP
