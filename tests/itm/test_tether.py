import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.itm.test_supervise import eventually, is_alive

ROOT = Path(__file__).resolve().parents[2]
BUSY = """
import os, signal, sys, time
from itm import tether
signal.signal(signal.SIGTERM, signal.SIG_IGN)
assert tether.tie(int(sys.argv[1]))
open(sys.argv[2], "w").write(str(os.getpid()))
time.sleep(60)
"""
PARENT = """
import asyncio, os, sys
from itm.supervise import Child, Supervisor
child = Child("c", (sys.executable, "-c", sys.argv[1], str(os.getpid()), sys.argv[2]))
asyncio.run(Supervisor([child]).run())
"""


def test_a_busy_worker_dies_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    """One that looks neither at its input nor at signals cannot go on as an orphan."""
    note = tmp_path / "pid"

    async def scenario() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, BUSY, str(note), cwd=ROOT)
        await eventually(lambda: note.exists() and note.read_text() != "")
        worker = int(note.read_text())
        assert is_alive(worker)
        parent.kill()
        await parent.wait()
        await eventually(lambda: not is_running(worker))

    asyncio.run(scenario())


def test_a_supervisor_that_is_gone_already_is_told() -> None:
    """The parent is not who started us: nothing may begin."""
    code = f"from itm import tether; print(tether.tie({os.getpid()}), tether.tie(1 << 30))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "True False\n"


def is_running(pid: int) -> bool:
    """Say whether a process runs; one that nobody has buried yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
