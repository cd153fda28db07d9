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
