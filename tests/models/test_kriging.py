from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models.affinity import affinity
from models.features import Ends
from models.kriging import OWN, Kriging, added
from models.sites import Sites


def places(count: int, seed: int = 0) -> Ends:
    random = np.random.default_rng(seed)
    return Ends.of(Sites.of(random.uniform(40, 60, count), random.uniform(0, 30, count), [""] * count), {})


def said(kriging: Kriging, learned: Ends, clients: Ends, servers: Ends) -> np.ndarray:
    return kriging.predict(affinity(clients, learned), kriging.towards(affinity(servers, learned)))


def test_it_is_the_gaussian_process_written_out() -> None:
    """Against the definition: one covariance between all pairs of places, solved as it stands."""
    learned, asked = places(7), places(3, seed=1)
    values = np.random.default_rng(2).normal(size=(7, 7))
    alike = affinity(learned, learned) + OWN * np.eye(7)
    covariance = np.kron(alike, alike) + 0.5**2 * np.eye(49)
    weights = np.linalg.solve(covariance, (values - values.mean()).ravel())
    across = np.kron(affinity(asked, learned), affinity(asked, learned))
    expected = values.mean() + (across @ weights).reshape(3, 3)
    kriging = Kriging(noise=0.5, most=np.inf).fit(learned, values)
    assert said(kriging, learned, asked, asked) == pytest.approx(expected)


def test_what_was_not_measured_is_filled_by_what_was() -> None:
    """A smooth field with a quarter of its pairs missing comes back."""
    learned = places(40)
    field = learned.place[:, :1] / 20 + learned.place[:, 1] / 30
    holes = np.where(np.random.default_rng(3).random(field.shape) < 0.25, np.nan, field)
    filled = said(Kriging(noise=1.0, most=10.0).fit(learned, holes), learned, learned, learned)
    assert filled[np.isnan(holes)] == pytest.approx(field[np.isnan(holes)], abs=0.15)


def test_one_wild_value_does_not_bend_its_neighbourhood() -> None:
    """It counts as `most` away from the fit, however far it is."""
    learned = places(40)
    field = learned.place[:, :1] / 20 + learned.place[:, 1] / 30
    wild = field.copy()
    wild[5, 9] += 10.0
    bent = []
    for most in (0.3, np.inf):
        fits = [Kriging(noise=0.3, most=most).fit(learned, values) for values in (field, wild)]
        one, other = (said(kriging, learned, learned, learned) for kriging in fits)
        bent.append(np.abs(one - other).max())
    assert bent[0] < 0.1 * bent[1]


def test_rows_have_the_same_bits_alone_and_among_others() -> None:
    """A matrix product may round differently for one row and for many; this one does not."""
    left, right = (
        np.random.default_rng(4).normal(size=(50, 60)),
        np.random.default_rng(5).normal(size=(60, 7)),
    )
    assert added(left, right) == pytest.approx(left @ right)
    for row in range(50):
        assert added(left[row : row + 1], right).tobytes() == added(left, right)[row].tobytes()


def test_it_is_a_scikit_learn_estimator() -> None:
    """Cloned by its parameters; says so when it was not fitted."""
    assert clone(Kriging(noise=0.5, most=1.0)).get_params() == {"noise": 0.5, "most": 1.0}
    with pytest.raises(NotFittedError):
        Kriging(noise=0.5, most=1.0).towards(np.zeros((1, 1)))
