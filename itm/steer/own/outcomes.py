"""Ask every own step of a class about all its rows, and keep what they said as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from itm.catalog.types import OWN_PREFIX
from itm.errors import OwnStepFailed
from itm.steer.decide import trail
from itm.steer.outcome import Change, Outcome
from itm.steer.own.runner import OwnSteps
from itm.steer.own.view import View
from itm.steer.steps import Facts, Terms
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows of a class: their keys, their places, and their facts."""

    key: npt.NDArray[np.uint64]
    place: npt.NDArray[np.intp]
    facts: Facts


def asked(
    world: World,
    steer: tuple[str, ...],
    terms: Terms,
    parts: Callable[[Terms], Iterable[Part]],
    own: OwnSteps,
) -> Terms:
    """Return the terms with what each own step of the chain said; `parts` lays out all rows under terms.

    A step sees what those before it left, own ones among them. All rows or none: one that fails at any
    of them is as if it were not there.
    """
    for at, name in enumerate(steer):
        if name.startswith(OWN_PREFIX):
            outcome = _outcome(world, name, steer[:at], parts(terms), own)
            terms = replace(terms, own=(*terms.own, outcome))
    return terms


def _outcome(
    world: World, name: str, before: tuple[str, ...], parts: Iterable[Part], own: OwnSteps
) -> Outcome:
    said: list[tuple[npt.NDArray[np.uint64], Change]] = []
    try:
        for part in parts:
            view = View.of(world, part.facts, trail(part.facts, before)[-1].after, part.place)
            said.append((part.key, own.run(name, view)))
    except OwnStepFailed as error:
        return Outcome.failed(name, str(error), len(world.pops))
    return Outcome.joined(name, said, len(world.pops))
