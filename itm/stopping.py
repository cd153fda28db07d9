"""When a process is to stop: SIGTERM, SIGINT, or, for a supervised one, the end of its standard input.

The supervisor holds the other end of the input pipe, so a child ends with its parent even if that
was killed. An input that is no pipe (a terminal, /dev/null) says nothing and is not watched.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys


async def stop_requested(*, supervised: bool) -> None:
    """Return when this process is asked to stop; `supervised` processes watch their input too."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    descriptor = sys.stdin.fileno() if supervised and sys.stdin is not None else -1
    watched = descriptor >= 0 and stat.S_ISFIFO(os.fstat(descriptor).st_mode)

    def read() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            asked.set()

    if watched:
        loop.add_reader(descriptor, read)
    try:
        await asked.wait()
    finally:
        if watched:
            loop.remove_reader(descriptor)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
