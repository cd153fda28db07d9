"""The gate of the simulated server is the builder's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itm.config import Config
from itm.errors import UnsafePlan
from itm.simulate.faults.server import Server
from tests.itm.steer.worlds import POPS, service, world

NOON = 1_700_049_600.0


@pytest.fixture
def server() -> Server:
    """A server that has settled on the world of three places, in which nobody measures."""
    made = Server(world(), NOON, Config())
    for minute in range(3):
        made.build(NOON + minute * 60)
    return made


def test_what_only_the_second_build_moves_is_refused(server: Server) -> None:
    """Tokyo costs more than Osaka now: stickiness lets a third of demand go when that was seen twice."""
    changed = world(pops=tuple(replace(p, bias=20.0) if p.id == "tokyo" else p for p in POPS))
    with pytest.raises(UnsafePlan, match=r"33\.3% of demand would change its POP"):
        server.propose(changed, NOON + 200)
    assert server.world.bias_ms.max() == 0


def test_a_service_that_is_answered_is_not_removed(server: Server) -> None:
    with pytest.raises(UnsafePlan, match=r"gw\.example\.net\.: answered now, and would be removed"):
        server.propose(world(service("other.example.net.")), NOON + 200)


def test_what_moves_nobody_goes_live(server: Server) -> None:
    """At once, as the next map."""
    assert server.map is not None
    before = server.map.version
    server.propose(world(service(), service("other.example.net.")), NOON + 200)
    assert [s.name for s in server.map.services] == ["gw.example.net.", "other.example.net."]
    assert server.map.version == before + 1
