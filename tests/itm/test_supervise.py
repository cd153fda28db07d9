import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from itm.supervise import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    STEADY_SECONDS,
    Backoff,
    Child,
    Supervisor,
)

UNTIL_EOF = "import sys; sys.stdin.read()"
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(60)
"""


class AtOnce(Backoff):
    """A backoff that does not wait."""

    def delay(self, ran_seconds: float) -> float:
        return 0.0


def python(name: str, code: str, *arguments: str) -> Child:
    return Child(name, (sys.executable, "-c", code, *arguments))


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for real processes; a test that gets nowhere fails after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what we wait for is another process
            await asyncio.sleep(0.01)


def run_until_done(supervisor: Supervisor, scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run the scenario beside the supervisor, then stop it."""

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(supervisor.run())
            await scenario()
            supervisor.stop()
            await running

    asyncio.run(both())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_delays_double_up_to_half_a_minute() -> None:
    """A child that dies at once is restarted ever more slowly, but for ever."""
    backoff = Backoff()
    delays = [backoff.delay(ran_seconds=0.1) for _ in range(9)]
    assert delays[:4] == [FIRST_DELAY_SECONDS, 1.0, 2.0, 4.0]
    assert delays[-1] == LONGEST_DELAY_SECONDS


def test_a_child_that_ran_steadily_starts_over() -> None:
    """A crash after a steady minute is the first crash again."""
    backoff = Backoff()
    for _ in range(5):
        backoff.delay(ran_seconds=0.1)
    assert backoff.delay(ran_seconds=STEADY_SECONDS) == FIRST_DELAY_SECONDS


def test_stopping_ends_every_child() -> None:
    """After `run` has returned no child is left."""
    supervisor = Supervisor([python("a", UNTIL_EOF), python("b", UNTIL_EOF)])
    pids: list[int] = []

    async def scenario() -> None:
        await eventually(lambda: len(supervisor.pids) == 2)
        pids.extend(supervisor.pids.values())

    run_until_done(supervisor, scenario)
    assert [pid for pid in pids if is_alive(pid)] == []
    assert supervisor.restarts == {"a": 0, "b": 0}


def test_a_dead_child_is_restarted_and_the_others_are_left_alone() -> None:
    """Killing one child gives it a new process; its sibling keeps its own."""
    supervisor = Supervisor([python("a", UNTIL_EOF), python("b", UNTIL_EOF)], backoff=AtOnce)

    async def scenario() -> None:
        await eventually(lambda: len(supervisor.pids) == 2)
        first, sibling = supervisor.pids["a"], supervisor.pids["b"]
        os.kill(first, 9)
        await eventually(lambda: supervisor.pids.get("a", first) != first)
        assert supervisor.pids["b"] == sibling

    run_until_done(supervisor, scenario)
    assert supervisor.restarts == {"a": 1, "b": 0}


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """A child that ignores both the closed pipe and SIGTERM is gone after the stop limit."""
    ready = tmp_path / "ready"
    supervisor = Supervisor([python("stubborn", STUBBORN, str(ready))], stop_seconds=0.1)
    pids: list[int] = []

    async def scenario() -> None:
        await eventually(ready.exists)
        pids.extend(supervisor.pids.values())

    run_until_done(supervisor, scenario)
    assert not is_alive(pids[0])


def test_a_child_sees_the_end_of_its_supervisor_as_end_of_input(tmp_path: Path) -> None:
    """A supervisor killed without a word takes its children along: their input ends."""
    note = tmp_path / "ended"
    child = f"import sys; sys.stdin.read(); open({str(note)!r}, 'w').close()"
    parent = (
        "import asyncio, sys\n"
        "from itm.supervise import Child, Supervisor\n"
        f"supervisor = Supervisor([Child('c', (sys.executable, '-c', {child!r}))])\n"
        "asyncio.run(supervisor.run())\n"
    )

    async def scenario() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", parent, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        await asyncio.sleep(0)
        await eventually(lambda: bool(_children_of(process.pid)))
        process.kill()
        await process.wait()
        await eventually(note.exists)

    asyncio.run(scenario())


def _children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_cancelling_the_supervisor_ends_its_children() -> None:
    """An error elsewhere in the program cancels `run`, and that leaves no orphans."""
    supervisor = Supervisor([python("a", UNTIL_EOF)])

    async def scenario() -> int:
        task = asyncio.ensure_future(supervisor.run())
        await eventually(lambda: len(supervisor.pids) == 1)
        pid = supervisor.pids["a"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    assert not is_alive(asyncio.run(scenario()))
