"""A question of seconds runs in a process of its own that gives way to all others."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from itm.errors import ItmError
from itm.ops.aside import Aside


def who(reason: str) -> dict[str, Any]:
    if reason:
        raise ItmError(reason)
    return {"pid": os.getpid(), "policy": os.sched_getscheduler(0)}


def test_answers_and_errors_come_back() -> None:
    """From another process, at the lowest priority."""
    aside = Aside()
    answer = asyncio.run(aside.ask(who, ""))
    assert answer["pid"] != os.getpid()
    assert answer["policy"] == os.SCHED_IDLE
    with pytest.raises(ItmError, match="no such thing"):
        asyncio.run(Aside().ask(who, "no such thing"))
