from __future__ import annotations

import numpy as np
import pytest

from collectors.network import Network
from itm.steer.evidence import Evidence
from itm.steer.frame import frame_of
from itm.steer.memory import Memory
from itm.steer.one import facts_of, row_of
from itm.steer.terms import terms_of
from tests.itm.steer.worlds import JAPAN, P50, cells, cut_world, world

POPS = tuple(P50)


def test_a_network_is_decided_by_its_finest_row() -> None:
    """Its own evidence before its prefix's before its place's."""
    w = world()
    kinds = []
    for rungs in ((), ("place",), ("prefix",), ("prefix", "network")):
        evidence = Evidence.of(cells(*((JAPAN, r, "tokyo", 9.0, 30.0, 9) for r in rungs)), POPS)
        kinds.append(row_of(w, evidence, w.classes[0], Network.of(JAPAN)).kind)
    assert kinds == ["place", "place", "prefix", "network"]


@pytest.mark.parametrize("seed", range(4))
def test_one_row_alone_has_the_facts_it_has_among_all(seed: int) -> None:
    """Bit for bit, in a random world with a random memory: `why` reads what the build read."""
    w, aggregates = cut_world(seed)
    evidence, steering = Evidence.of(aggregates, POPS), w.classes[0]
    place_rule, terms = w.rules_of_places(steering), terms_of(w, steering)
    every = frame_of(w, evidence, steering, terms, Memory.nothing(), place_rule).keys["row"]
    rng = np.random.default_rng(seed)
    known = rng.permutation(every)[: len(every) * 2 // 3]
    memory = Memory.of(POPS, known, *(rng.integers(0, 4, len(known)).astype(np.uint16) for _ in range(2)))
    frame = frame_of(w, evidence, steering, terms, memory, place_rule)
    for third in range(0, 512, 3):
        network = Network.of(f"10.{third >> 8}.{third & 255}.9" if third % 4 else f"2001:200:{third:x}::9")
        row = row_of(w, evidence, steering, network)
        at = np.flatnonzero(frame.keys["row"] == np.uint64(row.key))
        segments = frame.rows.segments[network.family]
        piece = np.searchsorted(segments.start, np.uint64(network.unit), side="right") - 1
        assert at.tolist() == [segments.row[piece]]
        alone, among = facts_of(w, evidence, terms, memory, row), frame.facts(w, evidence, at)
        for name in ("tiers", "previous", "challenger"):
            assert np.array_equal(getattr(alone, name), getattr(among, name))
        for name in ("rtt", "low", "high", "n", "access_ms"):
            assert getattr(alone.estimate, name).tobytes() == getattr(among.estimate, name).tobytes()
