"""What a service can look like: addresses, an HTTPS record, a CNAME to the POP's own name, at any name."""

from __future__ import annotations

import dataclasses

import pytest

from itm.catalog.types import Form, ZoneText
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.errors import CatalogError
from itm.routemap.health import Content, Slot, State
from itm.routemap.routemap import RouteMap, ServiceAnswer
from tests.itm.dns.asking import Ask, demo_map, ecs, tell
from tests.itm.dns.signing import denied, flagged, judge, sign

A, NS, CNAME, SOA, MX, TXT, AAAA, SVCB, HTTPS, ANY = 1, 2, 5, 6, 15, 16, 28, 64, 65, 255
TOKYO, AMSTERDAM = ecs("133.11.0.0/24"), ecs("10.1.0.0/16")
DO = 0x8000
TEXT = "$TTL 60\n@ SOA ns1 host 1 2 3 4 60\n@ NS ns1\n@ MX 5 ns1\nns1 A 192.0.2.1\nlink CNAME al\n"


def world(*services: ServiceAnswer, text: str = TEXT) -> RouteMap:
    zones = (ZoneText("example.net.", text),)
    return dataclasses.replace(demo_map(), services=services, zones=zones)


ALIAS = ServiceAnswer("al.example.net.", 0, 20, form=Form(is_alias=True, has_direct=True))
DIRECT = ServiceAnswer("gw.example.net.", 0, 20, ("192.0.2.200",), form=Form(has_direct=True))
WEB = ServiceAnswer("example.net.", 0, 20, ("192.0.2.200",), form=Form(https='alpn="h2,h3" port=8443'))
BOUND = ServiceAnswer("gw.example.net.", 0, 20, form=Form(https="alpn=h3", svcb="port=443"))


def answers(server: Answerer, name: str, rtype: int, *options: tuple[int, bytes], ttl: int = 0) -> list[str]:
    return tell(server, Ask(name, rtype, options=options, ttl=ttl)).lines("answer")


def test_an_alias_leads_to_the_pops_own_name() -> None:
    """For every type; the POP's name has its addresses, for whoever asks."""
    server = Answerer(build(world(ALIAS)))
    for rtype in (A, AAAA, CNAME, MX, TXT, ANY, 999):
        told = tell(server, Ask("al.example.net.", rtype, options=(TOKYO,)))
        assert told.lines("answer") == ["al.example.net. 20 CNAME tyo.al.example.net."]
        assert told.subnet == (1, 24, 22, b"\x85\x0b\0")
    assert answers(server, "al.example.net.", A, AMSTERDAM) == [
        "al.example.net. 20 CNAME ams.al.example.net."
    ]
    told = tell(server, Ask("tyo.al.example.net.", A, options=(AMSTERDAM,)))
    assert (told.lines("answer"), told.subnet) == (
        ["tyo.al.example.net. 20 A 127.20.0.2"],
        (1, 16, 0, b"\x0a\x01"),
    )
    assert answers(server, "ams.al.example.net.", AAAA) == ["ams.al.example.net. 20 AAAA 2001:db8:20::1"]
    assert answers(server, "link.example.net.", A, TOKYO) == ["link.example.net. 60 CNAME al.example.net."]


def test_an_alias_follows_health() -> None:
    """A dead POP is not pointed at; its own name still answers, to look at it."""
    book = build(world(ALIAS))
    server = Answerer(book)
    book.apply(Content({"tyo": Slot(State.DOWN, False, 0.0)}))
    assert answers(server, "al.example.net.", A, TOKYO) == ["al.example.net. 20 CNAME ams.al.example.net."]
    assert answers(server, "tyo.al.example.net.", A) == ["tyo.al.example.net. 20 A 127.20.0.2"]


def test_direct_names_beside_addresses() -> None:
    """A service that answers addresses may have them too."""
    server = Answerer(build(world(DIRECT)))
    assert answers(server, "gw.example.net.", A, TOKYO) == ["gw.example.net. 20 A 127.20.0.2"]
    assert answers(server, "nyc.gw.example.net.", A, TOKYO) == ["nyc.gw.example.net. 20 A 127.20.0.3"]
    assert tell(server, Ask("no.gw.example.net.", A)).rcode == 3


def test_a_steered_apex_with_an_https_record() -> None:
    """Addresses and HTTPS are flattened at the apex, beside SOA, NS and MX; the hints are the POP's own."""
    server = Answerer(build(world(WEB)))
    assert answers(server, "example.net.", A, TOKYO) == ["example.net. 20 A 127.20.0.2"]
    tokyo, amsterdam = (answers(server, "example.net.", HTTPS, subnet) for subnet in (TOKYO, AMSTERDAM))
    assert tokyo == ['example.net. 20 HTTPS 1 . alpn="h2,h3" port="8443" ipv4hint="127.20.0.2"']
    assert amsterdam[0].endswith('ipv4hint="127.20.0.1" ipv6hint="2001:db8:20::1"')
    assert answers(server, "example.net.", MX) == ["example.net. 60 MX 5 ns1.example.net."]
    assert len(answers(server, "example.net.", SOA)) == 1


def test_a_service_binding_is_steered_like_the_addresses() -> None:
    """SVCB beside HTTPS, each with parameters of its own and the POP's addresses as hints (RFC 9460)."""
    server = Answerer(build(world(BOUND)))
    name = "gw.example.net."
    assert answers(server, name, SVCB, TOKYO) == [f'{name} 20 SVCB 1 . port="443" ipv4hint="127.20.0.2"']
    assert answers(server, name, HTTPS, TOKYO) == [f'{name} 20 HTTPS 1 . alpn="h3" ipv4hint="127.20.0.2"']
    assert answers(server, name, SVCB, AMSTERDAM)[0].endswith('ipv6hint="2001:db8:20::1"')
    assert answers(Answerer(build(world(DIRECT))), name, SVCB, TOKYO) == []


@pytest.mark.parametrize("service", [ALIAS, DIRECT, WEB, BOUND], ids=["alias", "direct", "https", "svcb"])
def test_every_form_is_signed(service: ServiceAnswer) -> None:
    """All its answers validate, its denials list what there is."""
    routemap = flagged(world(service))
    signatures = sign(routemap)
    server = Answerer(build(routemap, signatures=signatures))
    for name in (service.name, f"tyo.{service.name}", f"ams.{service.name}", f"no.{service.name}"):
        for rtype in (A, AAAA, CNAME, MX, HTTPS, SVCB, ANY, 46, 47):
            for subnet in (TOKYO, AMSTERDAM):
                judge(tell(server, Ask(name, rtype, ttl=DO, options=(subnet,))).wire, signatures)
    message = judge(tell(server, Ask(service.name, 47, ttl=DO)).wire, signatures)
    types = str(message.answer[0][0]).split()[1:]
    assert ("CNAME" in types) == service.form.is_alias
    assert ("HTTPS" in types) == bool(service.form.https)
    assert ("SVCB" in types) == bool(service.form.svcb)
    assert denied(message) == []


@pytest.mark.parametrize(
    ("service", "text", "reason"),
    [
        (dataclasses.replace(ALIAS, name="example.net."), TEXT, "cannot stand at the zone's apex"),
        (ALIAS, f"{TEXT}al TXT x\n", "al.example.net. TXT: the name is a service that answers a CNAME"),
        (ALIAS, f"{TEXT}tyo.al A 192.0.2.9\n", "tyo.al.example.net. A: the name is a POP's own"),
        (DIRECT, f"{TEXT}sub NS ns1\ngw.sub A 192.0.2.1\n", ""),
        (
            dataclasses.replace(DIRECT, name="gw.sub.example.net."),
            f"{TEXT}sub NS ns1\n",
            "stands below the delegation",
        ),
        (WEB, f"{TEXT}@ HTTPS 1 . alpn=h2\n", "example.net. HTTPS: the name is a service"),
        (WEB, f"{TEXT}@ A 192.0.2.1\n", "example.net. A: the name is a service"),
    ],
)
def test_where_a_service_cannot_stand(service: ServiceAnswer, text: str, reason: str) -> None:
    """Beside what contradicts it, or below a delegation; the fault names both."""
    if not reason:
        build(world(service, text=text))
        return
    with pytest.raises(CatalogError) as caught:
        build(world(service, text=text))
    assert any(reason in told for told in caught.value.reasons), caught.value.reasons
