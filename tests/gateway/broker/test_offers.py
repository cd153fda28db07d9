from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Engine

from gateway.broker import locations, sites
from gateway.broker.controller import Controllers
from gateway.broker.enumeration import Enumeration
from gateway.broker.launch import Launcher
from gateway.broker.offers import Offer, Offers, kind_of
from gateway.errors import NotFound, Refused, Unreachable
from gateway.launch.file import parse_launch_file
from tests.gateway.broker.farm import Farm, Published, serving
from tests.gateway.broker.straight import Straight
from tests.gateway.broker.world import FAST, NOW, Clock, make_resource, make_sta


def offers_of(engine: Engine, straight: Straight) -> Offers:
    launcher = Launcher(engine, make_sta(engine), "gw.example", 443)
    return Offers(engine, launcher, Enumeration(Controllers(straight.reach), Clock()), Clock())


@pytest.fixture(autouse=True)
def people(engine: Engine) -> None:
    """Local users of the default tenant."""
    for name in ("ann", "bob"):
        FAST.add(engine, name, "password1", tenant="default", now=NOW)


def add_site(engine: Engine, port: int, name: str = "farm", tenant: str = "default") -> None:
    place = locations.create(engine, f"{name}-place", tenant=tenant, now=NOW)
    sites.add(engine, sites.Draft(name, place, "127.0.0.1", port, domain="CORP"), now=NOW)


def farm() -> Farm:
    return Farm(
        [
            Published("Notepad]\nx=", "10.0.0.5:1494", folder="Tools"),
            Published("Desk", "10.0.0.6:3389", users=("ann",), is_desktop=True, description="Yours"),
        ]
    )


def test_own_resources_and_those_of_sites(engine: Engine) -> None:
    """One list by name, each with its place; of the tenant only."""

    async def story() -> None:
        locations.create_tenant(engine, "acme", now=NOW)
        office = make_resource(engine)
        make_resource(engine, "foreign", tenant="acme")
        with serving(farm()) as served:
            add_site(engine, served.port)
            offered = await offers_of(engine, Straight()).of_user("ann", tenant="default")
            desk, notepad, own = offered.offers
            assert own == Offer(office.id, "office", "office-site", "rdp")
            assert (desk.name, desk.location, desk.kind, desk.about) == ("Desk", "farm-place", "hdx", "Yours")
            assert (notepad.kind, notepad.about) == ("app", "Tools")
            assert offered.notices == ()
            others = await offers_of(engine, Straight()).of_user("ann", tenant="acme")
            assert [each.name for each in others.offers] == ["foreign"]

    asyncio.run(story())


def test_a_site_that_is_away_takes_nothing_along(engine: Engine) -> None:
    """The rest is there, with a notice; opening what is known meanwhile says that the site is away."""

    async def story() -> None:
        make_resource(engine)
        straight = Straight()
        found = offers_of(engine, straight)
        with serving(farm()) as served:
            add_site(engine, served.port)
            add_site(engine, 1, "dead")
            offered = await found.of_user("ann", tenant="default")
            assert [each.name for each in offered.offers] == ["Desk", "Notepad] x=", "office"]
            assert offered.notices == ("What dead offers cannot be listed at the moment.",)
            straight.code = "connector_none"
            with pytest.raises(Unreachable):
                await found.launch("Desk", "ann", tenant="default")

    asyncio.run(story())


def test_opening_what_a_site_offers(engine: Engine) -> None:
    """By id or name; the ticket's target is the address that the controller gave for this user, now."""

    async def story() -> None:
        with serving(farm()) as served:
            add_site(engine, served.port)
            found = offers_of(engine, Straight())
            for name, target, seamless in (
                ("Desk", "10.0.0.6:3389", "Off"),
                ("Notepad] x=", "10.0.0.5:1494", "On"),
            ):
                offer = next(
                    o for o in (await found.of_user("ann", tenant="default")).offers if o.name == name
                )
                for wanted in (offer.id, offer.name):
                    made = await found.launch(wanted, "ann", tenant="default")
                    assert f"TWIMode={seamless}\n" in made.text
                    ticket = parse_launch_file(made.text.encode()).ticket
                    grant = found.launcher.sta.redeem(ticket, "fra", now=NOW)
                    assert (grant.user, grant.resource.target) == ("ann", target)
            served.published[1] = Published("Desk", "10.9.9.9:3389", users=("ann",))
            made = await found.launch("Desk", "ann", tenant="default")
            grant = found.launcher.sta.redeem(parse_launch_file(made.text.encode()).ticket, "fra", now=NOW)
            assert grant.resource.target == "10.9.9.9:3389"

    asyncio.run(story())


def test_only_what_the_site_offers_to_this_user(engine: Engine) -> None:
    """The id that somebody else sees opens nothing; a controller's later no stands."""

    async def story() -> None:
        with serving(farm()) as served:
            add_site(engine, served.port)
            found = offers_of(engine, Straight())
            hers = (await found.of_user("ann", tenant="default")).offers[0]
            for user, tenant in (("bob", "default"), ("ann", "acme")):
                with pytest.raises(NotFound):
                    await found.launch(hers.id, user, tenant=tenant)
            served.published.pop()
            with pytest.raises(Refused, match="the controller refused"):
                await found.launch(hers.id, "ann", tenant="default")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("port", "kind"), [(22, "ssh"), (3389, "rdp"), (5901, "vnc"), (443, "web"), (1494, "hdx"), (7, "tcp")]
)
def test_the_port_tells_the_kind(port: int, kind: str) -> None:
    """As far as one can tell."""
    assert kind_of(port) == kind
