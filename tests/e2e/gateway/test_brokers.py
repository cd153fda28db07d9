"""Several STAs: brokers of one authority on one database, each with its own id, or two of the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.gateway.stack import Stack, gateway
from tests.e2e.gateway.test_refusals import launch
from tests.e2e.serving import free_ports

DEAD_SECONDS = ("--redeem-seconds", "1", "--bypass-seconds", "2")


@dataclass
class Pair:
    """A gateway with two brokers; `second` are the words of the other one, on its own copy of the state."""

    stack: Stack
    second: tuple[str, ...]

    def file(self, *, of_second: bool) -> Path:
        """Return a launch file that one of the two brokers made."""
        path = self.stack.launch_file("echo")
        if of_second:
            path.unlink()
            self.stack.run("launch-file", "echo", "--user", "ann", "-o", str(path), *self.second)
        return path

    def opens(self, path: Path) -> str:
        """Return what the launcher said on stderr: nothing when it opened."""
        return launch(self.stack, path)[1]


@pytest.fixture
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two brokers, a POP that knows both, a connector; the second broker's STA id is the parameter."""
    with gateway(tmp_path, pops=(), with_connector=False) as stack:
        first, second = tmp_path / "broker", tmp_path / "second"
        shutil.copytree(first, second, ignore=shutil.ignore_patterns("broker.db*", "broker.pem", "*.log"))
        api, signal = free_ports(2)
        words = (
            *("--state", str(second), "--set", f"database=sqlite:///{first / 'broker.db'}"),
            *("--set", f"listen=127.0.0.1:{api}", "--set", f"signal=127.0.0.1:{signal}"),
            *("--set", f"gateway=localhost:{stack.ports['pop-a']}"),
            *(("--set", f"sta={request.param}") if request.param else ()),
        )
        stack.start("second", "broker", *words, ready="broker.ready")
        stack.start_pop("pop-a", "--broker", f"https://127.0.0.1:{api}", *DEAD_SECONDS)
        stack.start_connector(pops=("pop-a",))
        yield Pair(stack, words)


@pytest.mark.parametrize("pair", ["STA2"], indirect=True)
def test_a_ticket_is_redeemed_where_it_was_made(pair: Pair) -> None:
    """Either STA's ticket opens, once; a third one's is foreign to both; a dead broker takes only its own."""
    assert pair.opens(pair.file(of_second=False)) == ""
    file = pair.file(of_second=True)
    text = file.read_text()
    assert ";40;STA2;" in text
    assert pair.opens(file) == ""
    file.write_text(text)
    assert "client_ticket_refused: the ticket is unknown or was used before" in pair.opens(file)
    file.write_text(text.replace(";40;STA2;", ";40;STA9;"))
    assert "client_ticket_foreign" in pair.opens(file)
    waiting, broker = pair.file(of_second=False), pair.stack.running["broker"]
    copy = waiting.read_text()
    broker.kill()
    assert pair.opens(pair.file(of_second=True)) == ""
    assert "broker_unreachable" in pair.opens(waiting)
    pair.stack.start("broker", *broker.words, ready="broker.ready")
    waiting.write_text(copy)
    assert pair.opens(waiting) == ""


@pytest.mark.parametrize("pair", [""], indirect=True)
def test_brokers_of_one_sta_stand_in_for_each_other(pair: Pair) -> None:
    """A ticket that the dead broker made is redeemed by its twin, and then used up for both."""
    file = pair.file(of_second=False)
    text = file.read_text()
    pair.stack.running["broker"].kill()
    assert pair.opens(file) == ""
    pair.stack.start("broker", *pair.stack.running["broker"].words, ready="broker.ready")
    file.write_text(text)
    assert "client_ticket_refused" in pair.opens(file)
