"""What differs between two catalogs, in words."""

from __future__ import annotations

from dataclasses import replace

from itm.catalog.diff import diff
from itm.catalog.types import DEFAULT_STEER, Catalog, HealthCheck, Pop, Secondary, ZoneText
from tests.itm.catalog.bundles import load

POOLS = "pools: {x: {values: [a, b]}, y: {values: [c]}}"
SERVICE = f"gw.example.net.: {{{POOLS}, rules: [{{pool: x, geos: [EU]}}, {{pool: y}}]}}"

WEIGHED = "[a, {value: b, weight: 4}]"


def lines(old: Catalog, new: Catalog) -> list[str]:
    return [str(change) for change in diff(old, new)]


def test_the_same_meaning_is_no_difference() -> None:
    """Order, comments and spelling do not count."""
    old = load(SERVICE)
    new = replace(
        old, pops=old.pops[::-1], zones=(ZoneText("example.net.", "; hello\n" + old.zones[0].text),)
    )
    assert lines(old, new) == []


def test_pops() -> None:
    """POPs come, go and change field by field."""
    old = load()
    a, b, _ = old.pops
    d = Pop("d", "z", "Rome", "IT", 41.9, 12.5, ("192.0.2.7",))
    moved = replace(b, bias=5.0, tags=(), healthcheck=HealthCheck("http", port=80, rise=3))
    assert lines(old, replace(old, pops=(a, moved, d))) == [
        "~ pop b: bias 0.0 -> 5.0",
        "~ pop b: tags eea -> none",
        "~ pop b: healthcheck none -> http://*:80/healthz rise=3",
        "- pop c: y, Osaka JP, 192.0.2.3 192.0.2.4",
        "+ pop d: z, Rome IT, 192.0.2.7",
    ]


def test_a_change_of_many_pops_is_told_once() -> None:
    """A new common check is one line; a POP that changes in its own way has its own."""
    old = Catalog(tuple(Pop(f"p{n}", "x", "y", "DE", 0, 0, (f"192.0.2.{n}",)) for n in range(1, 8)), (), ())
    check = HealthCheck("http", port=80)
    new = replace(old, pops=tuple(replace(pop, healthcheck=check) for pop in old.pops[1:]))
    newer = replace(new, pops=(replace(new.pops[0], bias=1.0), *new.pops[1:]))
    assert lines(old, newer) == [
        "- pop p1: x, y DE, 192.0.2.1",
        "~ pop p2: bias 0.0 -> 1.0",
        "~ 6 POPs: healthcheck none -> http://*:80/healthz",
    ]


def test_services() -> None:
    """A service's settings, pools and rules are told apart."""
    old, new = load(SERVICE), load(SERVICE.replace("{pools", "{ttl: 60, pools").replace("[a, b]", "[b, c]"))
    assert lines(old, new) == [
        "~ service gw.example.net.: ttl 20 -> 60",
        "~ service gw.example.net.: pool x: -a +c",
    ]
    assert lines(old, load(SERVICE.replace("geos: [EU]", "asns: [64500], subnets: [192.0.2.0/24]"))) == [
        "~ service gw.example.net.: rules EU: x; all: y -> 192.0.2.0/24 AS64500: x; all: y"
    ]
    assert lines(old, load(SERVICE.replace("gw", "vpn"))) == [
        "- service gw.example.net.: ttl 20, 3 POPs, EU: x; all: y",
        "+ service vpn.example.net.: ttl 20, 3 POPs, EU: x; all: y",
    ]
    assert lines(old, load("gw.example.net.: {pools: {x: {values: [a, b]}}}")) == [
        "- service gw.example.net.: pool y: -c",
        "~ service gw.example.net.: rules EU: x; all: y -> all: x",
    ]


def test_zones() -> None:
    """A zone's lines come and go; blanks count where they mean something."""
    old = load()
    text = old.zones[0].text
    new = replace(
        old, zones=(ZoneText("example.net.", text.replace("@ IN NS", "@   IN\tNS") + 'www IN TXT "a  b"\n'),)
    )
    assert lines(old, new) == ['+ zone example.net.: www IN TXT "a  b"']
    newer = replace(new, zones=(ZoneText("example.net.", new.zones[0].text.replace('"a  b"', '"a b"')),))
    assert lines(new, newer) == [
        '- zone example.net.: www IN TXT "a  b"',
        '+ zone example.net.: www IN TXT "a b"',
    ]
    assert lines(old, replace(old, zones=())) == ["- zone example.net.: 5 lines".replace("5", "4")]


def test_secondaries() -> None:
    """They come and go by address, port and key."""
    old = load()
    zone = old.zones[0]
    one, other = Secondary("192.0.2.7"), Secondary("192.0.2.7", 53, "k.")
    before = replace(old, zones=(replace(zone, secondaries=(one,)),))
    after = replace(old, zones=(replace(zone, secondaries=(other,)),))
    assert lines(before, after) == [
        "- zone example.net.: secondary 192.0.2.7 port 53",
        "+ zone example.net.: secondary 192.0.2.7 port 53, key k.",
    ]


def test_what_is_said_to_steps() -> None:
    """Settings, places of VDAs, weights and prices, in the words of the catalog."""
    place = "locations: {home: {country: DE, lat: 50, lon: 8.5, weight: 3}}"
    settings = "{available: {threshold: 0.9}}, {fastest: {handicap: {pops: {a: 5}, pools: {x: 10%}}}}"
    said = f"steer: [up, {settings}, joint, weighted], {place}"
    old, new = load(SERVICE), load(SERVICE.replace("{pools", f"{{{said}, pools").replace("[a, b]", WEIGHED))
    assert lines(old, new) == [
        f"~ service gw.example.net.: steer {' '.join(DEFAULT_STEER)} -> up available fastest joint weighted",
        "~ service gw.example.net.: threshold 0.8 -> 0.9",
        "~ service gw.example.net.: pop handicaps none -> a: 5 ms",
        "~ service gw.example.net.: pool handicaps none -> x: 10%",
        "~ service gw.example.net.: locations none -> home (DE 50 8.5, weight 3)",
        "~ service gw.example.net.: weights none -> x: 1.0 4.0",
    ]
