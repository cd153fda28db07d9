"""Questions that take seconds of computing are answered by a process of their own, at the lowest priority.

The edge's own process hears checks and beacons meanwhile. One question at a time: the others wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from itm.priority import yield_to_all

Question = Callable[..., dict[str, Any]]


class Aside:
    """Runs one function at a time in a fresh process; arguments and result travel there and back."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def ask(self, question: Question, *args: Any) -> dict[str, Any]:
        """Return what the question returns, or raise what it raises."""
        async with self._turn:
            return await asyncio.to_thread(_asked, partial(question, *args))


def _asked(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with ProcessPoolExecutor(1, get_context("spawn"), yield_to_all) as pool:
        return pool.submit(question).result()
