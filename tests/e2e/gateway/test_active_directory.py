"""Login against a real Active Directory (Samba AD DC) in a network that the broker has no route to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.gateway.networks import DIRECTORY, World, running
from tests.e2e.gateway.samba import BASE, PASSWORD, READER, READER_PASSWORD, STAFF, domain


@pytest.mark.long
def test_users_of_a_domain_log_in(tmp_path: Path) -> None:
    """In every spelling, by nested groups, over LDAPS; who is disabled or must change does not."""
    with running(tmp_path, lambda lan: domain(tmp_path / "domain", lan, DIRECTORY)) as world:
        add = ("--location", "site", "--base", BASE, "--bind-dn", READER, "--ca", str(world.ca))
        server = ("--server", f"{DIRECTORY}:636", "--domain", "CORP")
        world.desk("ldap", "add", "corp", *server, *add, stdin=f"{READER_PASSWORD}\n")
        target = ("--location", "site", "--target", f"{DIRECTORY}:3389", "--for-group", f"corp:{STAFF}")
        world.desk("resource", "add", "desktop", *target)
        for typed in ("ann", "ANN", "CORP\\ann", "ann@corp.example", "ann@corp"):
            assert seen(world, typed, PASSWORD) == ["desktop"], typed
        for typed, password in (("ann", "wrong"), ("off", PASSWORD), ("old", PASSWORD), ("nobody", PASSWORD)):
            assert world.resources(typed, password)[0] == 401, typed
        another_port_is_denied(world, add)


def seen(world: World, name: str, password: str) -> list[str]:
    status, body = world.resources(name, password)
    assert status == 200, f"{name}: {body}"
    return [each["name"] for each in json.loads(body)["resources"]]


def another_port_is_denied(world: World, add: tuple[str, ...]) -> None:
    """The connector admits port 636 alone: StartTLS on 389 is said to be denied, not to be wrong."""
    server = ("--server", f"{DIRECTORY}:389", "--tls", "starttls")
    world.desk("ldap", "add", "shut", *server, *add, stdin=f"{READER_PASSWORD}\n")
    status, body = world.resources("shut\\ann", PASSWORD)
    assert (status, "connector_target_denied" in body) == (503, True), body
