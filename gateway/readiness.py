"""One epoll for all channels of an event loop, itself watched by that loop.

asyncio's own dispatch costs about 3 µs per event (selector key, handle, context), which is a fifth of a
small round trip through a relay; here it is a dictionary look-up. Level-triggered, as `add_reader` is.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

MOST_EVENTS: Final = 512
"""Events taken per turn."""
TURNS_SECONDS: Final = 0.001
"""Turns follow each other for so long while there is something to do, before the loop's own timers and
tasks have theirs: a pass of asyncio's loop costs 10 µs, a turn 1 µs. So a callback must take what is
ready or stop watching; one that leaves it to a task would spin."""

_READ: Final = select.EPOLLIN
_WRITE: Final = select.EPOLLOUT

Ready = Callable[[], None]


class Readiness:
    """Calls back when a descriptor is readable or writable (errors and hang-ups count as both)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._masks: dict[int, int] = {}
        self._readers: dict[int, Ready] = {}
        self._writers: dict[int, Ready] = {}
        self._fail, self._clock = loop.call_exception_handler, loop.time
        loop.add_reader(self._epoll.fileno(), self._dispatch)

    def watch_read(self, fd: int, ready: Ready) -> None:
        """Call `ready` at every turn in which `fd` is readable."""
        self._readers[fd] = ready
        self._set(fd, self._masks.get(fd, 0) | _READ)

    def unwatch_read(self, fd: int) -> None:
        """Stop that."""
        if self._readers.pop(fd, None) is not None:
            self._set(fd, self._masks[fd] & ~_READ)

    def watch_write(self, fd: int, ready: Ready) -> None:
        """Call `ready` at every turn in which `fd` is writable."""
        self._writers[fd] = ready
        self._set(fd, self._masks.get(fd, 0) | _WRITE)

    def unwatch_write(self, fd: int) -> None:
        """Stop that."""
        if self._writers.pop(fd, None) is not None:
            self._set(fd, self._masks[fd] & ~_WRITE)

    def forget(self, fd: int) -> None:
        """Stop both; to be called before `fd` is closed."""
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)
        self._set(fd, 0)

    def _set(self, fd: int, mask: int) -> None:
        before = self._masks.get(fd, 0)
        if mask == before:
            return
        if not mask:
            del self._masks[fd]
            self._epoll.unregister(fd)
        elif before:
            self._epoll.modify(fd, mask)
            self._masks[fd] = mask
        else:
            self._epoll.register(fd, mask)
            self._masks[fd] = mask

    def _dispatch(self) -> None:
        readers, writers = self._readers, self._writers
        until = self._clock() + TURNS_SECONDS
        while True:
            events = self._epoll.poll(0, MOST_EVENTS)
            for fd, mask in events:
                try:
                    if mask != _WRITE and (ready := readers.get(fd)) is not None:
                        ready()
                    if mask != _READ and (ready := writers.get(fd)) is not None:
                        ready()
                except Exception as error:
                    self._fail({"message": "a channel's callback failed", "exception": error})
            if not events or self._clock() > until:
                return


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Readiness] = WeakKeyDictionary()


def readiness(loop: asyncio.AbstractEventLoop) -> Readiness:
    """Return the loop's epoll, made at the first call; it is closed when the loop is gone."""
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = Readiness(loop)
    return found
