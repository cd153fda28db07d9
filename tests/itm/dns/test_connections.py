from __future__ import annotations

import pytest

from itm.dns.connections import Bounds, Connections
from itm.dns.networks import Networks


class Clock:
    now = 100.0

    def __call__(self) -> float:
        self.now += 0.001  # no two moments are one
        return self.now


class One:
    """A connection that notes when it is dropped."""

    def __init__(self, connections: Connections, peer: str) -> None:
        self.client: bytes | None = None
        self.used_at = 0.0
        self.is_dropped = False
        self._connections = connections
        connections.add(self)
        connections.count(self, peer)

    def drop(self) -> None:
        self.is_dropped = True
        self._connections.forget(self)


def _made(most: int = 8, per_client: int = 3) -> tuple[Connections, Clock]:
    clock = Clock()
    bounds = Bounds(most, per_client, 10.0, Networks(("127.0.0.0/8",), "dns.tcp_exempt"))
    return Connections(bounds, clock), clock


def test_a_client_with_too_many_gives_up_its_own_idlest() -> None:
    """Not its oldest, and nobody else's; it is counted anew when one of its own is gone."""
    connections, _ = _made()
    other = One(connections, "192.0.2.9")
    its_own = [One(connections, "192.0.2.1") for _ in range(3)]
    connections.touch(its_own[0])
    fourth = One(connections, "192.0.2.1")
    assert [one.is_dropped for one in (other, *its_own, fourth)] == [False, False, True, False, False]
    assert (connections.shed_client, connections.shed_full, len(connections)) == (1, 0, 4)
    fourth.drop()
    assert not any(One(connections, peer).is_dropped for peer in ("192.0.2.1", "192.0.2.2"))
    assert connections.shed_client == 1


def test_an_ipv6_client_is_its_64() -> None:
    """Whoever has a /64 has as many addresses as it likes."""
    connections, _ = _made()
    crowd = [One(connections, f"2001:db8::{n}") for n in range(1, 6)]
    assert [one.is_dropped for one in crowd] == [True, True, False, False, False]


def test_the_exempt_are_bounded_in_all() -> None:
    """Only the number of all makes room among them: the idlest goes."""
    connections, _ = _made(most=4)
    crowd = [One(connections, "127.0.0.1") for _ in range(4)]
    connections.touch(crowd[0])
    assert not One(connections, "127.0.0.1").is_dropped
    assert [one.is_dropped for one in crowd] == [False, True, False, False]
    assert (connections.shed_client, connections.shed_full) == (0, 1)


def test_idle_ones_expire() -> None:
    """Ten seconds after they were useful, the others stay."""
    connections, clock = _made()
    first, second = One(connections, "192.0.2.1"), One(connections, "192.0.2.2")
    clock.now += 6
    connections.touch(first)
    clock.now += 5
    connections.expire()
    assert (first.is_dropped, second.is_dropped) == (False, True)


def test_under_pressure_they_expire_sooner() -> None:
    """Above three quarters idle ones have a fifth of the time, and the promise to clients says so."""
    connections, clock = _made(most=8)
    crowd = [One(connections, f"192.0.2.{n}") for n in range(6)]
    assert connections.idle_seconds == 10.0
    crowd.append(One(connections, "192.0.2.100"))
    assert connections.idle_seconds == pytest.approx(2.0)
    clock.now += 3
    connections.expire()
    assert [one.is_dropped for one in crowd] == [True] + [False] * 6, "only as long as it presses"


def test_nothing_is_remembered_of_the_gone() -> None:
    """Clients come and go; forgetting twice is no fault."""
    connections, _ = _made()
    for n in range(50):
        one = One(connections, f"192.0.2.{n}")
        one.drop()
        connections.forget(one)
    One(connections, "192.0.2.1")
    connections.drop_all()
    assert len(connections) == 0
    assert connections._by_client == {}
