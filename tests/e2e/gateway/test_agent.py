"""The Rendezvous form: a VDA that dials the POPs itself, with the location's connector behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.gateway.clients import Echoing, launched
from tests.e2e.gateway.native import desk, records
from tests.e2e.gateway.stack import Process, Stack
from tests.e2e.gateway.test_survival import check, wait_for
from tests.programs import wait_until


def start_agent(stack: Stack, *names: str, pops: tuple[str, ...], location: str = "agents") -> Process:
    """Enrol this machine as the VDA of these names and start its agent."""
    claims = [word for name in names for word in ("--vda", name)]
    token = stack.desk("connector", "token", location, *claims).splitlines()[0]
    name = f"agent-{time.monotonic_ns()}"
    known = [word for pop in pops for word in ("--pop", f"127.0.0.1:{stack.ports[pop]}")]
    return stack.start(
        name,
        *("connector", "--vda", "--allow", f"127.0.0.1:{stack.ports['echo']}"),
        *("--state", str(stack.folder / name), "--broker", f"https://127.0.0.1:{stack.ports['api']}"),
        *("--token", token, "--ca", str(stack.ca), *known),
        ready="control.standing",
    )


@pytest.fixture(scope="module")
def location(stack: Stack) -> Iterator[str]:
    """A location with a connector at POP A that reaches this machine too, and two resources."""
    stack.desk("location", "create", "agents")
    port = stack.ports["echo"]
    stack.add_resource("by-address", port, location="agents")
    stack.desk("resource", "add", "by-name", "--location", "agents", "--target", f"Desk-7.test:{port}")
    connector = stack.start_connector(name="agents", location="agents", pops=("pop-a",))
    yield "agents"
    connector.stop()


def way(stack: Stack, pop: str = "pop-a") -> str:
    """Return which way the newest session of a POP went."""
    return str(records(stack, pop)[-1]["way"])


def test_a_vda_serves_itself_and_the_connector_stands_in(stack: Stack, location: str) -> None:
    """With the agent sessions are direct, also those of its name; without it the record says `connector`."""
    agent = start_agent(stack, "127.0.0.1", "desk-7.test", pops=("pop-a", "pop-b"))
    try:
        with desk(stack) as clients:
            for resource in ("by-address", "by-name"):
                assert clients.open(resource).echo(b"hello") == b"hello"
                assert way(stack) == "direct"
            session = records(stack)[-1]["session"]
            said = stack.run("trace", session, "--state", str(stack.folder / "pop-a"))
            assert "(direct)" in said
            agent.stop()
            assert clients.open("by-address").echo(b"hello") == b"hello"
            assert way(stack) == "connector"
            assert clients.reply("by-name")[0] == 4  # only the agent knows this name
    finally:
        agent.stop()


def test_an_agent_at_another_pop_goes_before_the_connector_here(stack: Stack, location: str) -> None:
    """The client is at POP A with the connector, the agent's control channel at POP B only."""
    agent = start_agent(stack, "127.0.0.1", pops=("pop-b",))
    try:
        wait_until(lambda: "pop-b" in _listed(stack, "127.0.0.1"), 10, "the broker knows the agent")
        with desk(stack) as clients:
            assert clients.open("by-address").echo(b"hello") == b"hello"
            assert way(stack) == "direct"
    finally:
        agent.stop()


def _listed(stack: Stack, name: str) -> str:
    rows = stack.run("connectors", "list", *stack.broker_words()).splitlines()
    return "\n".join(row for row in rows if f" {name} " in row)


def test_an_agent_attracts_no_other_host(stack: Stack, location: str) -> None:
    """Enrolled for one name it gets nothing else, though it could reach it."""
    agent = start_agent(stack, "desk-7.test", pops=("pop-a", "pop-b"))
    try:
        with desk(stack) as clients:
            assert clients.open("by-address").echo(b"hello") == b"hello"
            assert way(stack) == "connector"
        assert "open." not in agent.text()
    finally:
        agent.stop()


def test_a_session_with_an_agent_survives_its_pop(stack: Stack, location: str) -> None:
    """kill -9 of the POP in the middle: the bytes go on through the other one, straight to the VDA."""
    agent = start_agent(stack, "127.0.0.1", pops=("pop-a", "pop-b"))
    try:
        wait_for(agent.log, "control.standing", 2)
        with launched(stack, "by-address") as launcher:
            echoing = Echoing(launcher.port, mega_bytes=20, mega_bytes_per_second=8, until_enough=True)
            wait_until(lambda: echoing.got > 2_000_000, 10, "bytes come back")
            assert way(stack) == "direct"
            stack.running["pop-a"].kill()
            wait_for(launcher.log, "session.resumed", 1)
            echoing.enough.set()
            result = echoing.result(30)
            print(f"longest gap {result.longest_gap_seconds * 1000:.0f} ms")
            check(result, 20)
            assert result.longest_gap_seconds < 3
            wait_until(lambda: way(stack, "pop-b") == "direct", 5, "the other POP's trace is written")
    finally:
        lines = stack.running["connector"].text().count("control.standing")
        stack.restart("pop-a")
        agent.stop()
        wait_for(stack.running["connector"].log, "control.standing", lines + 1)
