"""A process's life tied to its parent's: when that ends, however it ends, the kernel kills the process.

Linux only, as the gateway is.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LIBC: Final = ctypes.CDLL(None, use_errno=True)  # looked up before any fork


def tie(parent: int) -> None:
    """Have this process killed when its parent ends; end it now when `parent` (a pid) is gone already.

    Fit to run between fork and exec: it only makes system calls. The signal follows the parent's thread that
    forked: it has to live as long as the parent.
    """
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # asked after: it may have ended before we were tied
        os.kill(os.getpid(), signal.SIGKILL)
