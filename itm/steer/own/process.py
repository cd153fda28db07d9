"""The child process of one own step, from outside: asked about views, and killed when its time is over."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Final

from collectors.arrays import ArrayFile
from collectors.errors import ArraysError
from itm.errors import OwnStepFailed
from itm.steer.own import frames
from itm.steer.own.view import View

BYTES_PER_CELL: Final = 16
"""Of an answer: two numbers of eight bytes per row and POP at most."""

HEADER_BYTES: Final = 65_536

KEPT_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "LANG", "TZ")
"""What a step may see of the server's environment: nothing that holds secrets."""

ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Each thread of a numeric library reserves address space, which counts as memory."""

PATIENCE_SECONDS: Final = 1.0
"""For the exit of a process whose pipe has ended."""


class StepProcess:
    """One process; `said` takes what it prints. `ask` blocks for no longer than it is told."""

    def __init__(self, name: str, seconds: float, megabytes: int, said: IO[bytes]) -> None:
        self._seconds, self._said = seconds, said
        words = [name, str(seconds), str(megabytes), str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "itm.steer.own.child", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={k: v for k, v in os.environ.items() if k in KEPT_ENVIRONMENT} | ONE_THREAD,
            start_new_session=True,
        )

    def ask(self, view: View, seconds: float) -> ArrayFile:
        """Return the answer to a view. Raises `OwnStepFailed`."""
        late = threading.Event()
        timer = threading.Timer(seconds, self._kill, [late])
        timer.start()
        try:
            answer = self._exchanged(view)
        except (OSError, ValueError, ArraysError) as error:
            raise OwnStepFailed(self._why(str(error), is_late=late.is_set())) from error
        finally:
            timer.cancel()
        if answer is None:
            raise OwnStepFailed(self._why("ended without an answer", is_late=late.is_set()))
        return answer

    def end(self) -> None:
        """Kill the process and all it started, whether it still runs or not; what left its group lives on."""
        self._kill(threading.Event())
        with suppress(OSError), self._process:  # of what nobody reads any more
            pass

    def _exchanged(self, view: View) -> ArrayFile | None:
        if self._process.stdin is None or self._process.stdout is None:
            return None
        frames.send(self._process.stdin, view.as_file())
        return frames.receive(self._process.stdout, view.tier.size * BYTES_PER_CELL + HEADER_BYTES)

    def _kill(self, late: threading.Event) -> None:
        late.set()
        if self._process.returncode is None:  # not reaped, even if dead: the number is still its group's
            os.killpg(self._process.pid, signal.SIGKILL)

    def _status(self) -> int | None:
        """Return with what it ended, and nothing of its group goes on; None where it did not end."""
        watch = os.pidfd_open(self._process.pid)
        try:
            patience = select.poll()
            patience.register(watch, select.POLLIN)
            if not patience.poll(PATIENCE_SECONDS * 1000):
                return None
        finally:
            os.close(watch)
        self._kill(threading.Event())  # before the status is taken, which frees the number
        return self._process.wait()

    def _why(self, error: str, *, is_late: bool) -> str:
        """Return how the process came to its end."""
        if is_late:
            return f"took longer than {self._seconds:g} s"
        status = self._status()
        if status is None:
            return error
        if status in {-signal.SIGXCPU, -signal.SIGKILL}:
            return f"took more than {self._seconds:g} s of CPU, or was killed"
        self._said.seek(0)
        lines = self._said.read(HEADER_BYTES).decode(errors="replace").strip().splitlines()
        return f"ended with status {status}" + (f": {lines[-1][:300]}" if lines else "")
