from pathlib import Path

from tests.itm.ops.harness import Served, play


def test_a_new_token_works_until_it_is_revoked(tmp_path: Path) -> None:
    """Its secret is in the answer, once; afterwards only its name, scopes and times are known."""

    async def scenario(served: Served) -> None:
        wanted = {"name": "ci", "scopes": ["feed"], "for_seconds": 60}
        made = await served.ops("POST", "/api/v1/tokens", scope="admin", json=wanted)
        assert (made.status, made.json["expires_at"]) == (201, served.clock.now + 60)
        assert made.headers["Cache-Control"] == "no-store"
        bearer = {"Authorization": f"Bearer {made.json['token']}"}
        feed = {"data": "133.11.0.0/24,tokyo,rtt_ms,9,1700000000"}
        assert (await served.ops("POST", "/api/v1/feed", headers=bearer, **feed)).status == 200
        listed = await served.ops("GET", "/api/v1/tokens", scope="admin")
        assert "ci" in [token["name"] for token in listed.json["tokens"]]
        assert made.json["token"] not in listed.text
        assert (await served.ops("DELETE", "/api/v1/tokens/ci", scope="admin")).status == 200
        assert (await served.ops("POST", "/api/v1/feed", headers=bearer, **feed)).status == 401
        assert (await served.ops("DELETE", "/api/v1/tokens/ci", scope="admin")).status == 404

    play(tmp_path, scenario)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """409, and the first token goes on working."""

    async def scenario(served: Served) -> None:
        wanted = {"name": "feed", "scopes": ["feed"]}
        assert (await served.ops("POST", "/api/v1/tokens", scope="admin", json=wanted)).status == 409

    play(tmp_path, scenario)


def test_what_makes_no_token(tmp_path: Path) -> None:
    """Unknown scopes, no scopes, no name, a negative lifetime."""

    async def scenario(served: Served) -> None:
        for wanted in (
            {"name": "a", "scopes": ["root"]},
            {"name": "a", "scopes": []},
            {"name": " ", "scopes": ["feed"]},
            {"scopes": ["feed"]},
            {"name": "a", "scopes": ["feed"], "for_seconds": -5},
        ):
            answer = await served.ops("POST", "/api/v1/tokens", scope="admin", json=wanted)
            assert answer.status == 400, wanted

    play(tmp_path, scenario)
