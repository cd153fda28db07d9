from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.aggregate import Aggregates, empty
from collectors.places import code_of, keys_of, square_of
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.residual import MOST, STEP, residuals_of
from itm.steer.world import World
from tests.itm.steer.worlds import CONTINENTS, COUNTRIES, P50, cells, places, world

POPS = tuple(P50)
PLACES = 41
OSAKA = POPS.index("osaka")


def wide_world() -> World:
    """Forty places beside the one of nobody: ten ASes with two places each in Japan and the Netherlands.

    Every place has a /24 of its own, 10.0.n.0; the next ones of its AS are neighbours.
    """
    number = np.arange(PLACES)
    country = np.where(number == 0, 0, 1 + (number > 20)).astype(np.uint16)
    asn = np.where(number == 0, 0, 100 + (number + 1) // 2).astype(np.uint32)
    lat = np.where(number == 0, np.nan, 30 + number * 0.9)
    lon = np.where(number == 0, np.nan, 100.0)
    codes = np.array([code_of(COUNTRIES[c]) for c in country])
    key = np.where(number > 0, keys_of(codes, square_of(lat, lon), asn), 0).astype(np.uint64)
    order = np.argsort(key)
    start = np.append(0, 0x0A0000 + np.append(number[1:], PLACES)).astype(np.uint32)
    of = np.append(np.append(0, np.argsort(order)[number[1:]]), 0).astype(np.uint32)
    table = replace(
        places(), country=country[order],
        lat=lat[order].astype(np.float32), lon=lon[order].astype(np.float32),
        cell=country[order].astype(np.uint32), asn=asn[order], key=key[order],
        weight=(order > 0).astype(np.float32), v4_start=start, v4_place=of,
        v6_start=np.zeros(1, np.uint64), v6_place=np.zeros(1, np.uint32),
    )  # fmt: skip
    return replace(world(), places=table, continents=CONTINENTS, predictions=world().predictions[:, :3])


WORLD = wide_world()


def heard(
    of: str = "osaka", factor: float = 1.0, where: range = range(PLACES), access_ms: float = 0.0
) -> Aggregates:
    """Return what eight networks of each place measured: as predicted, but for one POP."""
    rows = []
    for n in range(1, PLACES):
        for pop in POPS:
            ms = P50[pop][1 + (n > 20)] * (factor if pop == of and n in where else 1.0)
            rows.append((f"10.0.{n}.1", "place", pop, ms + access_ms, 30.0, 8))
    return cells(*rows, of=WORLD)


def test_a_prediction_that_holds_is_shifted_by_nothing() -> None:
    """Nor is one of places that all have the same access on top: that is no POP's."""
    for access in (0.0, 15.0):
        assert residuals_of(heard(access_ms=access), WORLD).rungs == {}
    assert residuals_of(empty(), WORLD).rungs == {}


def test_what_is_off_everywhere_is_said_by_the_world() -> None:
    """Osaka takes half as long again as predicted, whoever asks: five sixths of twenty ASes' votes."""
    found = residuals_of(heard(factor=1.5), WORLD)
    (shift,) = found.rungs["world"].shift
    assert shift[OSAKA] == pytest.approx(np.log(23 / 17) * 20 / 24, abs=STEP)
    assert shift[np.arange(len(POPS)) != OSAKA].tolist() == [0, 0, 0]


def test_what_is_off_in_one_country_moves_that_country() -> None:
    """Its rows are shifted, also those that nobody measured; the other country's are not."""
    found = residuals_of(heard(factor=2.0, where=range(21)), WORLD)
    keys = WORLD.ladder.wide_keys(np.arange(PLACES))
    prediction = WORLD.predictions[:, WORLD.places.cell, :]
    moved = found.shifted(prediction, keys)[1] / prediction[1]
    country = WORLD.places.country
    assert (moved[country == 1, OSAKA] > 1.2).all()
    assert (moved[country == 2] == 1).all()


@pytest.mark.parametrize(("liars", "is_moved"), [(4, False), (16, False), (18, True)])
def test_a_minority_of_places_shifts_nothing(liars: int, is_moved: bool) -> None:
    """Nine of ten ASes must agree before their country believes it: so many are no bad draw."""
    found = residuals_of(heard(factor=3.0, where=range(1, liars + 1)), WORLD)
    assert bool(found.rungs) == is_moved


def test_a_shift_comes_in_steps_and_is_bounded() -> None:
    """However far off: one rung moves a prediction to its half or double at most."""
    shift = residuals_of(heard("ams", 50.0), WORLD).rungs["world"].shift
    assert np.allclose(shift / STEP, np.rint(shift / STEP), atol=1e-4)
    assert np.abs(shift).max() <= MOST


def test_an_incremental_build_decides_again_whom_a_shift_moves() -> None:
    """The same tables as a full build, when residuals come, stay, change and go."""
    limits, steering = Limits(3, 1.0), WORLD.classes[0]
    last = build_class(WORLD, Evidence.nothing(len(POPS)), steering, Memory.nothing(), limits)
    keys = {"place": WORLD.places.key, **WORLD.ladder.wide_keys(np.arange(PLACES))}
    changes = []
    for factor in (1.0, 8.0, 8.0, 8.0, 3.0, 1.0, 1.0, 1.0):
        wide = residuals_of(heard("tokyo", factor, range(1, 21)), WORLD)
        evidence = replace(Evidence.nothing(len(POPS)), residuals=wide)
        full = build_class(WORLD, evidence, steering, last.after, limits)
        part = build_class(WORLD, evidence, steering, last.after, limits, last)
        assert np.array_equal(part.decision.ranks, full.decision.ranks)
        assert np.array_equal(part.table.leaves, full.table.leaves)
        for name in ("key", "served", "challenger"):
            assert np.array_equal(getattr(part.after, name), getattr(full.after, name))
        changes.append(bool(wide.changed(last.residuals, keys).any()))
        last = part
    assert changes == [False, True, False, False, True, True, False, False]
