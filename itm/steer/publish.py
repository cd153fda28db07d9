"""Class builds -> RouteMap -> files: written aside, then one pointer is swapped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from itm.routemap import current, snapshot
from itm.routemap.routemap import ClassMap, PopAnswer, RouteMap, ServiceAnswer
from itm.steer import inputs as inputs_file
from itm.steer.build import ClassBuild
from itm.steer.cycle import Knowledge
from itm.steer.inputs import Inputs
from itm.steer.plan import Limits
from itm.steer.slice import Trial
from itm.steer.world import World


def routemap_of(world: World, builds: Sequence[ClassBuild], version: int, built_at: float) -> RouteMap:
    """Return the frozen map of all classes; `built_at` in seconds since the epoch."""
    return RouteMap(
        version=version,
        built_at=built_at,
        catalog_version=world.catalog_version,
        basis="latency",
        pops=tuple(PopAnswer(p.id, p.ipv4, p.ipv6) for p in world.catalog.pops),
        services=tuple(
            ServiceAnswer(
                s.name,
                world.class_index[s.name],
                s.ttl,
                s.ipv4_values,
                s.ipv6_values,
                s.form,
                world.classes[world.class_index[s.name]].fallback(world.catalog.pops),
                s.ttl_most,
            )
            for s in world.catalog.services
        ),
        classes=tuple(b.table for b in builds),
        zones=world.catalog.zones,
        probe_zone=world.catalog.probe_zone,
    )


def inputs_of(
    world: World,
    knowledge: Knowledge,
    builds: Sequence[ClassBuild],
    version: int,
    limits: Limits,
    trial: Trial | None = None,
) -> Inputs:
    """Return what a map was decided from; `limits` those of its builds, `trial` that of a canary."""
    return Inputs(
        version=version,
        catalog_version=world.catalog_version,
        places_digest=world.places.digest,
        predictions_digest=world.digest,
        candidates=limits.candidates,
        evidence=knowledge.evidence,
        memories=tuple(build.before for build in builds),
        held=tuple(build.held for build in builds),
        behind=knowledge.resolvers.behind,
        demand=knowledge.demand,
        granted=tuple(build.granted for build in builds),
        outlook=outlook_of(builds),
        legs=tuple(build.terms.pops.leg_ms for build in builds),
        own=tuple(build.terms.own for build in builds),
        trial=trial,
        loss_ms=limits.loss_ms,
    )


def outlook_of(builds: Sequence[ClassBuild]) -> dict[str, Any] | None:
    """Return how full POPs will be, JSON-ready; None where none can be full."""
    outlook = builds[0].outlook if builds else None
    return None if outlook is None else outlook.as_dict()


def says_the_same(old: RouteMap | None, new: RouteMap) -> bool:
    """Say whether publishing `new` would change no answer."""
    if old is None or len(old.classes) != len(new.classes):
        return False
    if (old.catalog_version, old.pops, old.services) != (new.catalog_version, new.pops, new.services):
        return False
    return all(_same_class(a, b) for a, b in zip(old.classes, new.classes, strict=True))


def publish(
    directory: Path,
    routemap: RouteMap,
    inputs: Inputs,
    canary: Inputs | None = None,
    *,
    keep: int,
    pinned: bool = False,
) -> None:
    """Write inputs and map, make the map live, and forget the oldest ones. Raises `OSError`.

    The inputs, those of a `canary` too, stand on disk before the pointer moves: a live map can always be
    explained. While another map is `pinned` the pointer stays, and this one is what unpinning goes to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    inputs_file.save(inputs, directory)
    apart = directory / inputs_file.CANARY
    if canary is not None:
        apart.mkdir(exist_ok=True)
        inputs_file.save(canary, apart)
    snapshot.write(routemap, current.path_of(directory, routemap.version))
    if not pinned:
        current.publish(directory, routemap.version)
    gone = current.prune(directory, keep)
    inputs_file.prune(directory, gone)
    inputs_file.prune(apart, gone)


def _same_class(a: ClassMap, b: ClassMap) -> bool:
    return (
        np.array_equal(a.leaves, b.leaves)
        and np.array_equal(a.shares, b.shares)
        and np.array_equal(a.ttl, b.ttl)
        and np.array_equal(a.leaf_tail, b.leaf_tail)
        and len(a.tails) == len(b.tails)
        and all(np.array_equal(x, y) for x, y in zip(a.tails, b.tails, strict=True))
        and np.array_equal(a.v4.start, b.v4.start)
        and np.array_equal(a.v4.leaf, b.v4.leaf)
        and np.array_equal(a.v6.start, b.v6.start)
        and np.array_equal(a.v6.leaf, b.v6.leaf)
        and np.array_equal(a.resolvers4.unit, b.resolvers4.unit)
        and np.array_equal(a.resolvers4.leaf, b.resolvers4.leaf)
        and np.array_equal(a.resolvers6.unit, b.resolvers6.unit)
        and np.array_equal(a.resolvers6.leaf, b.resolvers6.leaf)
    )
