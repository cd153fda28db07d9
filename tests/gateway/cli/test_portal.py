from __future__ import annotations

from tests.gateway.cli.conftest import Gateway


def test_a_portals_key_is_shown_once(gateway: Gateway) -> None:
    """With where to send requests; the list has names only."""
    made = gateway("portal", "create", "storefront")
    assert made.out.startswith("hdxk_")
    assert "https://localhost:8443/scripts/ctxsta.dll" in made.err
    assert gateway("portal", "list").out == "storefront\n"
    assert gateway("portal", "revoke", "storefront").status == 0
    assert gateway("portal", "revoke", "storefront").status == 2
