from __future__ import annotations

import dataclasses

import pytest

from itm.dns.answer import Answerer
from itm.dns.book import Book, build
from itm.dns.entry import Entry
from itm.dns.name import encode
from itm.routemap.health import NOTHING, Content, Slot, State
from itm.routemap.routemap import PopAnswer, ServiceAnswer
from tests.itm.dns.asking import Ask, demo_map, ecs, tell, with_ttls

A = 1


def book(names: int, addresses: int = 2) -> Book:
    """Services of one TTL; the POP `tyo` has several addresses."""
    pops = list(demo_map().pops)
    pops[1] = PopAnswer("tyo", tuple(f"127.20.1.{n}" for n in range(1, addresses + 1)))
    services = tuple(ServiceAnswer(f"s{n}.example.net.", 0, 20) for n in range(names))
    return build(dataclasses.replace(demo_map(), pops=tuple(pops), services=services))


def entry(of: Book, name: str) -> Entry:
    return of.steered[encode(name)][A]


def test_only_what_changed_is_made_anew() -> None:
    """The bodies of other POPs stay the same objects; services of one TTL share the new one."""
    made = book(2)
    before = entry(made, "s0.example.net.")
    made.apply(Content({}, frozenset({"127.20.1.1"})))
    after, other = entry(made, "s0.example.net."), entry(made, "s1.example.net.")
    assert [a is b for a, b in zip(after.bodies, before.bodies, strict=True)] == [True, False, True, True]
    assert after.bodies[1] is other.bodies[1]
    assert after.short[0] is before.short[0]
    assert after.steering is before.steering


def test_nothing_is_made_anew_for_nothing() -> None:
    """An address of nobody, and the same health again, leave the entries as they are."""
    made = book(1)
    before = entry(made, "s0.example.net.")
    made.apply(Content({}, frozenset({"192.0.2.99"})))
    made.apply(NOTHING)
    assert entry(made, "s0.example.net.") is before


@pytest.mark.parametrize("dead", [59, 1])
def test_an_answer_too_long_for_the_short_path_gets_shorter(dead: int) -> None:
    """And takes the short path from then on, if it fits; the other way as well."""
    made = book(1, addresses=60)
    server = Answerer(made)
    ask = Ask("s0.example.net.", A, options=(ecs("133.11.0.0/24"),))
    assert not entry(made, "s0.example.net.").short
    made.apply(Content({}, frozenset(f"127.20.1.{n}" for n in range(1, dead + 1))))
    assert bool(entry(made, "s0.example.net.").short) == (dead == 59)
    assert len(tell(server, ask, tcp=True).lines("answer")) == 60 - dead
    made.apply(NOTHING)
    assert not entry(made, "s0.example.net.").short
    assert len(tell(server, ask, tcp=True).lines("answer")) == 60


def test_a_leaf_has_the_ttl_of_its_class() -> None:
    """Between the service's bounds, and the least while its POP is not up; a service of one TTL keeps it.

    Answers are counted by POP, whatever the TTL.
    """
    routemap = with_ttls(demo_map(), (0, 1, 3), 300)
    fixed = ServiceAnswer("fixed.example.net.", 0, 20)
    made = build(dataclasses.replace(routemap, services=(routemap.services[0], fixed)))
    server = Answerer(made)
    asked = {"192.0.2.0/24": ("nyc", 20), "10.1.0.0/24": ("ams", 49), "133.11.0.0/24": ("tyo", 300)}
    for subnet, (pop, ttl) in asked.items():
        for name, expected in (("gw.example.net.", ttl), ("fixed.example.net.", 20)):
            (line,) = tell(server, Ask(name, A, options=(ecs(subnet),))).lines("answer")
            assert line.split()[1] == str(expected)
        assert server.counters.by_pop()[pop] == 4
    assert (
        made.steered[encode("fixed.example.net.")][A].bodies[0] is entry(made, "fixed.example.net.").bodies[4]
    )
    made.apply(Content({"tyo": Slot(State.DOWN, False, 0.0)}))
    (line,) = tell(server, Ask("gw.example.net.", A, options=(ecs("133.11.0.0/24"),))).lines("answer")
    assert line == "gw.example.net. 20 A 127.20.0.1"


def test_each_ttl_is_made_anew_when_an_address_dies() -> None:
    """No class of TTL goes on answering an address that is down."""
    routemap = with_ttls(demo_map(), (0, 0, 3), 300)
    pops = (routemap.pops[0], PopAnswer("tyo", ("127.20.0.2", "127.20.0.9")), routemap.pops[2])
    made = build(dataclasses.replace(routemap, pops=pops))
    made.apply(Content({}, frozenset({"127.20.0.2"})))
    (line,) = tell(Answerer(made), Ask("gw.example.net.", A, options=(ecs("133.11.0.0/24"),))).lines("answer")
    assert line == "gw.example.net. 300 A 127.20.0.9"
