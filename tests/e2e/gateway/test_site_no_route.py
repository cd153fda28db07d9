"""A site in a network to which the broker has no route, and needs none: it asks through the connector."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway.namespaces import Namespace
from tests.e2e.gateway.networks import DIRECTORY, dial, running
from tests.e2e.serving import ROOT
from tests.programs import tail, wait_until

PORT = 80
FARM = """
import sys, time
from tests.gateway.broker.farm import Farm, Published, serving
with serving(Farm([Published("Notepad", "10.9.0.2:80")]), sys.argv[1], int(sys.argv[2])):
    print("serving", flush=True)
    time.sleep(600)
"""


@pytest.mark.long
def test_a_site_that_the_broker_cannot_reach(tmp_path: Path) -> None:
    """What it publishes is listed from outside; without the connector a notice says what is missing."""

    @contextlib.contextmanager
    def controller(lan: Namespace) -> Iterator[Path]:
        log = tmp_path / "controller.log"
        words = [*lan.within, sys.executable, "-c", FARM, DIRECTORY, str(PORT)]
        with log.open("wb") as output:
            process = subprocess.Popen(words, stdout=output, stderr=output, cwd=ROOT)
        try:
            wait_until(lambda: "serving" in log.read_text(), 20, f"the controller: {tail(log)}")
            yield log
        finally:
            process.kill()
            process.wait()

    with running(tmp_path, controller, port=PORT) as world:
        assert dial(world.inside, DIRECTORY, PORT) == "open"
        assert dial(world.outside, DIRECTORY, PORT) == "Network is unreachable"
        world.desk("user", "add", "ann", stdin="a long enough password\n")
        world.desk("site", "add", "farm", "--location", "site", "--controller", f"{DIRECTORY}:{PORT}")
        assert "Notepad" in world.desk("site", "check", "farm")
        status, body = world.resources("ann", "a long enough password")
        assert (status, [each["name"] for each in json.loads(body)["resources"]]) == (200, ["Notepad"])
        world.desk("site", "remove", "farm")
        world.desk("site", "add", "again", "--location", "site", "--controller", f"{DIRECTORY}:{PORT}")
        world.stack.running["connector"].kill()

        def notices() -> list[str]:
            found: list[str] = json.loads(world.resources("ann", "a long enough password")[1])["notices"]
            return found

        wait_until(lambda: bool(notices()), 40, "a notice")
        assert notices() == ["What again offers cannot be listed at the moment."]
