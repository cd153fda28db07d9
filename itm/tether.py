"""A worker's life is tied to its supervisor's: when that dies, however it dies, the kernel kills the worker.

The end of the input pipe asks a worker to stop as well, but one that is busy (training, a long build)
reads it late, and two builders must never work on one state directory. Linux only, as the server is.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def tie(supervisor: int) -> bool:
    """Have this process killed when its parent ends; returns False if `supervisor` (a pid) is gone already.

    The signal follows the thread that started us: the supervisor starts its children from its main one.
    Raises `OSError` when the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    return os.getppid() == supervisor  # asked after: it may have died before we were tied
