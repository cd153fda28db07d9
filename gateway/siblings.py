"""Several works that stand and fall together: they run side by side until the first ends.

A `TaskGroup` would do but for one thing: on Python 3.11 it forgets the cancellation of its owner when a child
fails in the same turn of the event loop, and a program told to stop would not. Knows nothing of what runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def until_first(*works: Coroutine[Any, Any, None]) -> None:
    """Run the works until one returns or raises; the others are cancelled and over when this ends.

    Raises what the first one raised, of several the leftmost's. A cancellation comes before any of that.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()
