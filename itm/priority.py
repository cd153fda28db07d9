"""Work that gives way to whoever answers or listens: the builder's turns, a question that takes seconds."""

from __future__ import annotations

import os

NICENESS = 19


def yield_to_all() -> None:
    """Make this thread give way to all that answers or listens: whoever wakes preempts SCHED_IDLE at once."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:
        os.nice(NICENESS)
