from pathlib import Path

import pytest

from itm.ops.app import ROUTES
from itm.store.tokens import SCOPES
from tests.itm.ops.harness import Served, play

DOCS = Path(__file__).parents[3] / "docs" / "api.md"


def test_every_change_takes_a_scope_and_every_read_but_the_tokens_is_open() -> None:
    """A route that changes something without a scope would be open to anyone on the listener."""
    unguarded = [route.path for route in ROUTES if route.method != "GET" and route.scope not in SCOPES]
    assert unguarded == []
    assert [route.path for route in ROUTES if route.method == "GET" and route.scope] == ["/api/v1/tokens"]


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope], ids=lambda r: f"{r.method} {r.path}")
def test_a_guarded_route_is_closed(tmp_path: Path, route: object) -> None:
    """401 without a token, with a wrong one, with an expired one; 403 with one of another scope."""
    method, path, _, scope = route  # type: ignore[misc]
    for place, word in (("pop", "tokyo"), ("name", "feed"), ("zone", "example.net"), ("key", "k")):
        path = path.replace(f"{{{place}}}", word)

    async def scenario(served: Served) -> None:
        nobody = await served.ops(method, path)
        assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, 'Bearer realm="itm"')
        wrong = await served.ops(method, path, headers={"Authorization": "Bearer itm_wrong"})
        assert wrong.status == 401
        other = next(word for word in SCOPES if word != scope)
        assert (await served.ops(method, path, scope=other)).status == 403

    play(tmp_path, scenario)


def test_an_unknown_path_and_a_wrong_method_are_json(tmp_path: Path) -> None:
    """404 and 405, the latter with what is allowed."""

    async def scenario(served: Served) -> None:
        missing = await served.ops("GET", "/api/v1/nothing")
        assert (missing.status, set(missing.json)) == (404, {"error"})
        wrong = await served.ops("PUT", "/api/v1/pops")
        assert (wrong.status, wrong.headers["Allow"]) == (405, "GET")

    play(tmp_path, scenario)


def test_the_documentation_names_every_route_with_its_scope() -> None:
    """docs/api.md has one table row per route."""
    rows = {
        tuple(cell.strip(" `") for cell in line.split("|")[1:3])
        for line in DOCS.read_text().splitlines()
        if line.startswith("|")
    }
    missing = [
        (f"{route.method} {route.path}", route.scope or "")
        for route in ROUTES
        if (f"{route.method} {route.path}", route.scope or "") not in rows
    ]
    assert missing == []
