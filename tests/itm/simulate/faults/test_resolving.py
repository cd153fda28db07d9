from __future__ import annotations

import numpy as np

from itm.simulate.faults.resolving import STRETCHED_SECONDS, Caches, Entries, Resolving, entries_of
from tests.itm.simulate.faults.stand import small


def entries(resolving: Resolving) -> Entries:
    return entries_of(small().networks, resolving, np.random.default_rng(0))


def test_a_resolver_with_ecs_keeps_an_answer_per_network() -> None:
    """It asks for each of them by name; a provider's resolver asks once for all of a place."""
    networks = small().networks
    named = entries(Resolving(ecs=1.0, far=0.0))
    assert np.array_equal(named.network[named.of_network], np.arange(len(networks)))
    shared = entries(Resolving(ecs=0.0, far=0.0))
    assert not shared.is_named.any()
    assert len(shared) <= 2 * len(np.unique(networks.place))
    assert np.array_equal(networks.place[shared.network[shared.of_network]], networks.place)


def test_a_far_resolver_stands_elsewhere() -> None:
    """Most of its users are in other countries than the hub they are asked for by."""
    networks = small().networks
    far = entries(Resolving(ecs=0.0, far=1.0))
    assert len(far) <= 8
    elsewhere = networks.country[far.network[far.of_network]] != networks.country
    assert elsewhere.mean() > 0.5


def test_answers_are_kept_for_their_ttl() -> None:
    """After a TTL everybody has the new answer, but for who uses a resolver that stretches it."""
    one = entries(Resolving(stretching=0.2))
    caches = Caches(one, 20, 1000.0, np.random.default_rng(1))
    assert len(caches.due(1000.0)) == len(one)
    everyone: set[int] = set()
    for now in range(1005, 1021, 5):
        everyone |= set(caches.due(float(now)).tolist())
    assert everyone >= set(np.flatnonzero(one.least_seconds == 0).tolist())
    late = set(range(len(one))) - everyone
    for now in range(1020, 1301, 5):
        late -= set(caches.due(float(now)).tolist())
    assert not late
    assert {float(one.least_seconds[entry]) for entry in range(len(one))} == {0.0, STRETCHED_SECONDS}


def test_expiries_stay_spread_over_long_steps() -> None:
    """A step of many TTLs does not make everybody ask in the same second afterwards."""
    one = entries(Resolving(stretching=0.0))
    caches = Caches(one, 20, 0.0, np.random.default_rng(1))
    assert len(caches.due(300.0)) == len(one)
    share = [len(caches.due(300.0 + step)) / len(one) for step in (5, 10, 15, 20)]
    assert all(0.15 < part < 0.35 for part in share)
