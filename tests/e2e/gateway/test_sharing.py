"""Several connectors of one location: they share by load, stand in for each other, and can be revoked."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.gateway.native import desk, records
from tests.e2e.gateway.stack import Process, Stack
from tests.programs import tail, wait_until

SESSIONS = 40


def identity(connector: Process) -> str:
    """Return the id under which a connector was enrolled."""
    found = re.search(r"connector=(c-[0-9a-f]+)", connector.text())
    assert found is not None, tail(connector.log)
    return found[1]


@pytest.fixture
def pair(stack: Stack, request: pytest.FixtureRequest) -> Iterator[tuple[str, Process, Process]]:
    """Two connectors of a new location at both POPs, and its echo resource."""
    name = request.node.name.replace("_", "-")[-24:].strip("-")
    stack.desk("location", "create", name)
    stack.add_resource(name, stack.ports["echo"], location=name)
    made = [stack.start_connector(name=f"{name}-{number}", location=name) for number in (1, 2)]
    for one in made:
        wait_until(lambda one=one: one.text().count("control.standing") >= 2, 10, "it stands at both POPs")
    yield name, made[0], made[1]
    for one in made:
        if one.is_alive:
            os.kill(one.popen.pid, signal.SIGCONT)
            one.kill()


def test_forty_sessions_are_shared_and_one_connector_dies(
    stack: Stack, pair: tuple[str, Process, Process]
) -> None:
    """Neither carries more than 26 of 40, through two POPs; after a kill -9 the other takes what comes."""
    name, first, second = pair
    with desk(stack) as clients:
        sessions = [clients.open(name, ("pop-a", "pop-b")[number % 2]) for number in range(SESSIONS)]
        assert all(one.echo(b"hello") == b"hello" for one in sessions)
        running = [
            record["connector"]
            for pop in ("pop-a", "pop-b")
            for record in records(stack, pop)
            if record["ended"] is None
        ]
        shares = Counter(one for one in running if one in (identity(first), identity(second)))
        print(f"shares of {SESSIONS} sessions: {sorted(shares.values())}")
        assert sum(shares.values()) == SESSIONS
        assert min(shares.values()) >= SESSIONS - 26
        first.kill()
        later = [clients.open(name, ("pop-a", "pop-b")[number % 2]) for number in range(6)]
        assert all(one.echo(b"again") == b"again" for one in later)
        assert max(one.seconds for one in later) < 2.5


def test_a_stopped_connector_costs_the_hedge_and_no_launch(
    stack: Stack, pair: tuple[str, Process, Process]
) -> None:
    """SIGSTOP: it is asked, says nothing, and after one second the other one is asked too."""
    name, first, second = pair
    with desk(stack) as clients:
        warm = clients.open(name)
        assert warm.echo(b"hello") == b"hello"
        busy = {record["connector"] for record in records(stack) if record["ended"] is None}
        idle = first if identity(second) in busy else second
        time.sleep(1.2)  # a load report, so that the idle one is the next
        os.kill(idle.popen.pid, signal.SIGSTOP)
        opened = clients.open(name)
        assert opened.echo(b"hello") == b"hello"
        print(f"launch beside a stopped connector: {opened.seconds:.2f} s")
        assert 0.9 < opened.seconds < 2.5


def test_a_revoked_connector_is_out_within_seconds(stack: Stack, pair: tuple[str, Process, Process]) -> None:
    """Its control channels end and do not come back, its sessions end with the reason; the other serves."""
    name, first, second = pair
    with desk(stack) as clients:
        opened = [clients.open(name) for _ in range(4)]
        assert all(one.echo(b"hello") == b"hello" for one in opened)
        lost = first.text().count("control.lost")
        stack.desk("connectors", "revoke", identity(first))
        seconds = wait_until(
            lambda: first.text().count("control.lost") >= lost + 2, 12, "both control channels end"
        )
        print(f"revoked and out after {seconds:.1f} s")

        def codes() -> set[str]:
            return {record["code"] for record in records(stack) if record["connector"] == identity(first)}

        wait_until(lambda: codes() == {"broker_revoked"}, 6, f"its sessions end with the reason: {codes()}")
        standing = first.text().count("control.standing")
        later = [clients.open(name, pop) for pop in ("pop-a", "pop-b", "pop-a")]
        assert all(one.echo(b"again") == b"again" for one in later)
        time.sleep(2)
        assert first.text().count("control.standing") == standing
        rows = stack.run("connectors", "list", *stack.broker_words()).splitlines()
        [row] = [row for row in rows if row.startswith(identity(first))]
        assert row.endswith("revoked")
        [row] = [row for row in rows if row.startswith(identity(second))]
        assert "pop-a,pop-b" in row
