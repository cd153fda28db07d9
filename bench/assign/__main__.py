"""`python -m bench.assign [--rounds N]`: seconds of CPU for 20,000 groups and 50 POPs; what merging loses.

Three ways to assign the same 10,000 networks are compared on their own costs: the program over each of them
(the optimum), over merged groups, and greedily. Then a quarter of a million networks are merged and assigned,
and 20,000 groups no two of which are alike; exits with 1 where either takes more than `LIMIT_SECONDS` of CPU
in all its parts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from bench.assign.greedy import greedy
from bench.assign.world import Asked, asked
from bench.report import publish, setting, spread
from itm.steer.assign import HARD, Floats, assign, regret_ms
from itm.steer.groups import MOST, Groups, merge
from itm.steer.groups import spread as spread_out

LIMIT_SECONDS: Final = 10.0
POPS: Final = 50
COMPARED: Final = 10_000
MANY: Final = 250_000
COARSE: Final = (COMPARED, 2_000, 500)
"""To how many groups the 10,000 are merged at most."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.assign", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    result = {
        "setting": setting(rounds=arguments.rounds), "pops": POPS,
        "most_groups": _distinct(arguments.rounds), "merged": _merged(arguments.rounds),
        "compared": _compared(asked(COMPARED, POPS)),
    }  # fmt: skip
    publish("assign", result)
    both = result["most_groups"], result["merged"]
    longest = [sum(part["max"] for part in each["cpu_seconds"].values()) for each in both]
    if max(longest) > LIMIT_SECONDS:
        sys.exit(f"more than {LIMIT_SECONDS:g} s of CPU")


def _distinct(rounds: int) -> dict[str, Any]:
    """Time the assignment of as many groups as there may be, no two of them alike."""
    seconds: list[float] = []
    for seed in range(rounds):
        one = asked(MOST, POPS, seed)
        _timed(seconds, partial(_optimum, one))
    return {"groups": MOST, "cpu_seconds": {"assign": spread(seconds)}}


def _merged(rounds: int) -> dict[str, Any]:
    """Time merging and assigning a quarter of a million networks."""
    times: dict[str, list[float]] = {"merge": [], "assign": [], "spread": []}
    for seed in range(rounds):
        many = asked(MANY, POPS, seed)
        groups = _timed(times["merge"], partial(merge, many.near))
        found = _timed(times["assign"], partial(_granted, many, groups))
        share = _timed(times["spread"], partial(spread_out, groups, found, many.near))
    return {
        "networks": MANY, "groups": len(groups), **_cost(many, groups.pop[groups.of_row], share),
        "cpu_seconds": {name: spread(each) for name, each in times.items()},
    }  # fmt: skip


def _compared(one: Asked) -> dict[str, Any]:
    """Return what each way costs, by name."""
    near = one.near
    seconds: dict[str, list[float]] = {"optimum": [], "greedy": []}
    best = _timed(seconds["optimum"], partial(_optimum, one))
    told = {
        "optimum": _cost(one, near.pop, best / near.demand[:, None]) | {"groups": COMPARED},
        "greedy": _cost(one, near.pop, _timed(seconds["greedy"], partial(greedy, one))),
    }
    for most in COARSE:
        groups = merge(near, most)
        name = f"merged_to_{most}"
        granted = _timed(seconds.setdefault(name, []), partial(_granted, one, groups))
        share = spread_out(groups, granted, near)
        told[name] = _cost(one, groups.pop[groups.of_row], share) | {"groups": len(groups)}
    for name, row in told.items():
        row["cpu_seconds"] = round(seconds[name][0], 3)
        row["loss_ms"] = round(row["mean_ms"] - told["optimum"]["mean_ms"], 3)
    return told


def _optimum(one: Asked) -> Floats:
    near = one.near
    return assign(near.cost_ms, near.pop, near.demand, one.room, near.served).granted


def _granted(one: Asked, groups: Groups) -> Floats:
    return assign(groups.cost_ms, groups.pop, groups.demand, one.room, groups.served).granted


def _cost(one: Asked, pop: np.ndarray, share: Floats) -> dict[str, Any]:
    """Return the regret and moves per unit of demand on the networks' own costs, and how full POPs are."""
    near = one.near
    table = np.full((len(pop), len(one.room)), np.nan)
    np.put_along_axis(table, near.pop.astype(np.intp), near.cost_ms, axis=1)
    cost = regret_ms(np.take_along_axis(table, pop.astype(np.intp), axis=1), pop, near.served, len(one.room))
    weight = share * near.demand[:, None]
    load = np.bincount(pop.ravel(), weight.ravel(), len(one.room))
    return {
        "mean_ms": round(float((cost * weight).sum() / near.demand.sum()), 3),
        "overload_share": round(float(np.maximum(load - HARD * one.room, 0).sum() / near.demand.sum()), 4),
        "fullest": round(float((load / one.room).max()), 3),
        "split": int(((share > 0).sum(axis=1) > 1).sum()),
    }


def _timed(into: list[float], make: Callable[[], Any]) -> Any:
    begin = time.process_time()
    made = make()
    into.append(time.process_time() - begin)
    return made


if __name__ == "__main__":
    main()
