from __future__ import annotations

from tests.gateway.cli.conftest import Gateway


def test_tenants_are_apart(gateway: Gateway) -> None:
    """What one makes another does not find; next steps keep the tenant."""
    assert gateway("tenant", "create", "acme").err == "next: itm-gateway location create NAME --tenant acme\n"
    made = gateway("location", "create", "hq", "--tenant", "acme")
    assert made.err == "next: itm-gateway connector token hq --tenant acme\n"
    assert gateway("tenant", "list").out.split() == ["acme", "default"]
    assert gateway("connector", "token", "hq").status == 2
    assert gateway("connector", "token", "hq", "--tenant", "acme").status == 0
    assert gateway("location", "list").out == "NAME  ID  CREATED\n"
    assert "hq" in gateway("location", "list", "--tenant", "acme").out


def test_commands_stay_within_a_tenant(gateway: Gateway) -> None:
    """What is acme's is neither found nor listed nor removed as another tenant's, by name or id."""
    acme = ("--tenant", "acme")
    gateway("tenant", "create", "acme")
    location = gateway("location", "create", "plant", *acme).out.strip()
    place = ("--location", "plant", *acme)
    resource = gateway("resource", "add", "press", "--target", "a:1", *place).out.strip()
    site = gateway("site", "add", "books", "--controller", "a:80", *place).out.strip()
    for words in (
        ("site", "remove", "books"),
        ("site", "remove", site),
        ("resource", "remove", resource),
        ("connector", "token", location),
        ("resource", "add", "x", "--location", location, "--target", "a:1"),
        ("site", "add", "x", "--location", location, "--controller", "a:80"),
        ("launch-file", resource, "--user", "ann"),
    ):
        refused = gateway(*words)
        assert (refused.status, "default has no" in refused.err) == (2, True), words
    for words in (("site", "list"), ("resource", "list"), ("connectors", "list"), ("location", "list")):
        assert not {site, resource, location} & set(gateway(*words).out.split())
    assert site in gateway("site", "list", *acme).out
