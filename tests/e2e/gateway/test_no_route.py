"""Login against a slapd in a network that the broker has no route to, and needs none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway.namespaces import Namespace
from tests.e2e.gateway.networks import DIRECTORY, World, dial, running
from tests.e2e.gateway.slapd import BASE, PASSWORDS, READER, READER_PASSWORD, slapd
from tests.programs import wait_until


@pytest.mark.long
def test_login_against_a_directory_that_the_broker_cannot_reach(tmp_path: Path) -> None:
    """No route, and none needed: the connector dialled out, the broker came in through it."""

    @contextlib.contextmanager
    def directory(lan: Namespace) -> Iterator[Path]:
        folder = tmp_path / "slapd"
        folder.mkdir()
        with slapd(
            folder, host=DIRECTORY, ports=(389, 636), names=(DIRECTORY,), within=lan.within
        ) as started:
            yield started.ca

    with running(tmp_path, directory) as world:
        assert dial(world.inside, DIRECTORY, 636) == "open"
        assert dial(world.outside, DIRECTORY, 636) == "Network is unreachable"
        words = ("--server", f"{DIRECTORY}:636", "--base", BASE, "--bind-dn", READER)
        trust = ("--ca", str(world.ca))
        world.desk("ldap", "add", "corp", "--location", "site", *words, *trust, stdin=f"{READER_PASSWORD}\n")
        said = world.desk("ldap", "test", "ann")
        assert "ann@corp" in said
        status, body = world.resources("ann", PASSWORDS["ann"])
        assert (status, json.loads(body)["resources"]) == (200, [])
        assert world.resources("ann", "wrong")[0] == 401
        refuse_the_rest(world)


def refuse_the_rest(world: World) -> None:
    """The connector's own allow-list, and its absence, are told from a wrong password."""
    plain = ("--server", f"{DIRECTORY}:389", "--tls", "plain", "--base", BASE)
    world.desk("ldap", "add", "plain", "--location", "site", *plain)
    status, body = world.resources("plain\\ann", PASSWORDS["ann"])
    assert (status, "connector_target_denied" in body) == (503, True), body
    world.stack.running["connector"].kill()

    def is_noticed() -> bool:
        status, body = world.resources("ann", PASSWORDS["ann"])
        return status == 503 and "connector_none" in body

    wait_until(is_noticed, 20, "the connector's absence is said")
