import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys
from itm.stopping import stop_requested

async def main():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stop_requested(supervised=sys.argv[1] == 'child'))
        await asyncio.sleep(0)
        print("waiting", flush=True)
        await task
    print("stopped", flush=True)

asyncio.run(main())
"""


def start(stdin: int, kind: str = "child") -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, kind]
    process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops(number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the wait, also for a process whose input is /dev/null."""
    process = start(subprocess.DEVNULL)
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == "stopped\n"
    assert process.returncode == 0


def test_the_end_of_the_input_pipe_stops() -> None:
    """The parent is gone when the pipe closes; what it wrote before means nothing."""
    process = start(subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("noise")
    process.stdin.flush()
    assert process.communicate(timeout=10)[0] == "stopped\n"


def test_the_end_of_input_means_nothing_to_a_process_of_its_own() -> None:
    """`echo | itm serve` goes on serving; a signal ends it."""
    process = start(subprocess.PIPE, kind="own")
    assert process.stdin is not None
    process.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)
    process.terminate()
    assert process.wait(timeout=10) == 0
