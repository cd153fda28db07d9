"""Inviting, listing and revoking agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.itm.ops.harness import Served, play

PATH = "/api/v1/probe/agents"
WANTED = {"name": "fra", "region": "eu"}


def test_an_agent_is_invited_listed_and_revoked(tmp_path: Path) -> None:
    """The token is shown once; the server's own checks are in the list."""

    async def scenario(served: Served) -> None:
        made = await served.ops("POST", PATH, scope="admin", json={**WANTED, "token_seconds": 60})
        assert made.status == 201
        assert made.json["token_expires_at"] == served.clock.now + 60
        listed = await served.ops("GET", PATH)
        assert made.json["token"] not in listed.text
        own, agent = listed.json["agents"]
        assert own == {"name": "local", "region": "local", "state": "enrolled"}
        assert (agent["name"], agent["region"], agent["state"], agent["age_seconds"]) == (
            "fra", "eu", "invited", None,
        )  # fmt: skip
        served.clock.now += 60
        assert (await served.ops("GET", PATH)).json["agents"][1]["state"] == "expired"
        gone = await served.ops("DELETE", f"{PATH}/fra", scope="admin")
        assert gone.json == {"name": "fra", "revoked": True}
        assert (await served.ops("GET", PATH)).json["agents"][1]["state"] == "revoked"
        assert (await served.ops("DELETE", f"{PATH}/fra", scope="admin")).status == 404

    play(tmp_path, scenario)


def test_a_name_that_reports_is_taken(tmp_path: Path) -> None:
    """Revoke it first; one that only was invited is invited anew."""

    async def scenario(served: Served) -> None:
        for _ in range(2):
            made = await served.ops("POST", PATH, scope="admin", json=WANTED)
        body = {"token": made.json["token"], "credential": "c" * 43}
        assert (await served.public("POST", "/probe/v1/agent/enrol", json=body)).status == 200
        taken = await served.ops("POST", PATH, scope="admin", json=WANTED)
        assert (taken.status, taken.json["error"]) == (409, "an agent named 'fra' reports: revoke it first")

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": "fra"}, "region: is missing"),
        ({"name": "Fra", "region": "eu"}, "name: expected 1 to 32 of a-z"),
        ({"name": "local", "region": "eu"}, "name: 'local' is the server itself"),
        ({"name": "fra", "region": "eu", "token_seconds": 1e9}, "token_seconds: expected 1 to 604800"),
    ],
)
def test_what_is_refused(tmp_path: Path, body: dict[str, Any], fault: str) -> None:
    """Every fault by name; without the scope, nothing at all."""

    async def scenario(served: Served) -> None:
        answer = await served.ops("POST", PATH, scope="admin", json=body)
        assert (answer.status, answer.json["error"][: len(fault)]) == (400, fault)
        assert (await served.ops("POST", PATH, scope="operate", json=WANTED)).status == 403

    play(tmp_path, scenario)
