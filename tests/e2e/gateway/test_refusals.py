"""What is refused, and that the user is told whose fault it is, soon."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from pathlib import Path

from tests.e2e.gateway.stack import COMMAND, Stack
from tests.e2e.serving import ROOT, free_ports


def launch(stack: Stack, file: Path, *words: str) -> tuple[int, str, float]:
    """Open a launch file on stdio; return exit status, stderr and the seconds it took."""
    started = time.monotonic()
    done = subprocess.run(
        [*COMMAND, "launch", str(file), "--stdio", "--ca", str(stack.ca), *words],
        input=b"hello",
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=25,
    )
    return done.returncode, done.stderr.decode(), time.monotonic() - started


def test_a_launch_file_opens_once(stack: Stack) -> None:
    """The file removes itself; a copy of it is refused."""
    file = stack.launch_file("echo")
    text = file.read_text()
    assert launch(stack, file)[:2] == (0, "")
    assert not file.exists()
    file.write_text(text)
    status, said, _ = launch(stack, file)
    assert status == 2
    assert "client_ticket_refused: the ticket is unknown or was used before" in said


def test_an_old_ticket_is_refused(stack: Stack) -> None:
    """A ticket past its time opens nothing."""
    file = stack.launch_file("echo")
    with sqlite3.connect(stack.folder / "broker" / "broker.db") as database:
        database.execute("UPDATE gw_tickets SET expires_at = expires_at - 101")
    status, said, _ = launch(stack, file)
    assert status == 2
    assert "client_ticket_expired" in said


def test_no_connector_is_said_at_once(stack: Stack) -> None:
    """A location without a connector: a clear refusal within the launch time-out."""
    stack.desk("location", "create", "empty")
    stack.add_resource("lonely", free_ports(1)[0], location="empty")
    status, said, seconds = launch(stack, stack.launch_file("lonely"))
    assert status == 2
    assert "connector_none: no connector of the Resource Location is reachable" in said
    assert seconds < 10


def test_a_vda_that_is_down_is_blamed(stack: Stack) -> None:
    """Nobody listens at the target: the VDA is named, not the gateway."""
    stack.add_resource("dead", free_ports(1)[0])
    status, said, _ = launch(stack, stack.launch_file("dead"))
    assert status == 2
    assert "vda_refused" in said


def test_the_allow_list_has_the_last_word(stack: Stack) -> None:
    """A target that the broker allows and the customer's connector does not."""
    stack.desk("resource", "add", "outside", "--location", "site", "--target", "127.0.0.2:80")
    status, said, _ = launch(stack, stack.launch_file("outside"))
    assert status == 2
    assert "connector_target_denied" in said


def test_an_unknown_authority_is_not_trusted(stack: Stack, tmp_path: Path) -> None:
    """Without the gateway's CA the launcher sends no ticket: the file still opens afterwards."""
    file = stack.launch_file("echo")
    text = file.read_text()
    done = subprocess.run(
        [*COMMAND, "launch", str(file), "--stdio"], input=b"", capture_output=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2
    assert b"certificate verify failed" in done.stderr
    file.write_text(text)
    assert launch(stack, file)[0] == 0
