from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from gateway.broker import locations, sites
from gateway.broker.nfuse import User
from gateway.broker.sites import Draft, Site
from gateway.errors import Invalid, NameTaken, NotFound
from tests.gateway.broker.world import NOW, make_sta


def make_site(engine: Engine, name: str = "farm", *, tenant: str = "default", port: int = 80) -> Site:
    location = locations.create(engine, f"{name}-place", tenant=tenant, now=NOW)
    return sites.add(engine, Draft(name, location, "127.0.0.1", port, domain="CORP"), now=NOW)


def test_sites_are_a_tenants(engine: Engine) -> None:
    """Found by name and id, listed with their location, by nobody else."""
    locations.create_tenant(engine, "acme", now=NOW)
    site = make_site(engine)
    assert (
        sites.find(engine, "farm", tenant="default") == site == sites.find(engine, site.id, tenant="default")
    )
    ((listed, location),) = sites.listing(engine, tenant="default")
    assert (listed, location.name) == (site, "farm-place")
    assert sites.listing(engine, tenant="acme") == ()
    for name in ("farm", site.id):
        with pytest.raises(NotFound):
            sites.find(engine, name, tenant="acme")
    sites.remove(engine, site)
    assert sites.listing(engine, tenant="default") == ()


def test_what_is_refused(engine: Engine) -> None:
    """A taken name, odd names, and something else than certificates."""
    make_site(engine)
    place = locations.find(engine, "farm-place", tenant="default")
    with pytest.raises(NameTaken):
        sites.add(engine, Draft("farm", place, "h", 80), now=NOW)
    for draft in (
        Draft("a\nb", place, "h", 80),
        Draft("a", place, "h", 80, domain="<x>"),
        Draft("a", place, "h", 80, has_tls=True, ca_pem="no certificate"),
    ):
        with pytest.raises(Invalid):
            sites.add(engine, draft, now=NOW)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Notepad", "Notepad"),
        ("a]\nb=[c", "a__b__c"),
        ("WFClient", "_WFClient"),
        ("", "application"),
        ("x" * 90, "x" * 64),
    ],
)
def test_names_that_a_launch_file_can_hold(engine: Engine, name: str, expected: str) -> None:
    """Nothing of a controller's text can make a key or a section."""
    assert sites.opened(make_site(engine), name, "h", 1).name == expected


def test_a_ticket_of_a_site(engine: Engine) -> None:
    """It opens the address that the controller chose, at the site's location, and can be refreshed."""
    site, sta = make_site(engine), make_sta(engine)
    opened = sites.opened(site, "Notepad", "10.0.0.5", 1494)
    ticket = sta.request_published(opened, "ann", now=NOW)
    grant = sta.redeem(ticket, "fra", now=NOW)
    assert (grant.user, grant.resource) == ("ann", opened)
    assert (grant.resource.target, grant.resource.location) == ("10.0.0.5:1494", site.location)
    again, _ = sta.refresh(grant.session, "fra", now=NOW)
    assert replace(sta.redeem(again, "ber", now=NOW), user="ann") == grant


def test_a_removed_site_takes_its_tickets_along(engine: Engine) -> None:
    """And a session of it cannot be refreshed."""
    site, sta = make_site(engine), make_sta(engine)
    opened = sites.opened(site, "Notepad", "10.0.0.5", 1494)
    running = sta.redeem(sta.request_published(opened, "ann", now=NOW), "fra", now=NOW)
    waiting = sta.request_published(opened, "ann", now=NOW)
    sites.remove(engine, site)
    for action in (
        lambda: sta.redeem(waiting, "fra", now=NOW),
        lambda: sta.refresh(running.session, "fra", now=NOW),
    ):
        with pytest.raises(Exception, match=r"unknown|removed"):
            action()


@pytest.mark.parametrize(
    ("directory", "user", "is_local", "expected"),
    [
        ("", "ann", True, User("ann", "CORP")),
        ("", "ann@mail.example", True, User("ann@mail.example", "CORP")),
        ("", "ann@corp", False, None),
        ("corp", "ann@corp", False, User("ann", "CORP")),
        ("corp", "ann@other", False, None),
        ("corp", "ann", True, None),
        ("corp", "ann@corp", True, None),
    ],
)
def test_namesakes(engine: Engine, directory: str, user: str, is_local: bool, expected: User | None) -> None:
    """A controller knows local users or those of one directory, and takes nobody else for them."""
    site = replace(make_site(engine), directory=directory)
    assert sites.known_as(site, user, is_local=is_local) == expected
