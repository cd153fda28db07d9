"""One check over the network: a target in, an outcome out. All errors of the network end here.

What is said to the target stands in the file of its kind (`kinds`). A check that this machine cannot make
(no route, out of files, too busy to look at its own time limit) is told apart: it says nothing of a POP.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final

from collectors.probe.failure import Failed, is_own, reason
from collectors.probe.kinds import KINDS
from collectors.probe.outcome import Outcome
from collectors.probe.target import Target

LATE_SECONDS: Final = 0.5
"""A time limit noticed so much too late: the process was busy, and the answer may have come in time."""
DETAIL_CHARACTERS: Final = 200


async def check(target: Target, clock: Callable[[], float] = time.perf_counter) -> Outcome:
    """Check the target once. Never raises for what the network or the target does; may be cancelled."""
    started = clock()

    def failed(detail: str, *, unable: bool = False) -> Outcome:
        elapsed_ms = (clock() - started) * 1000
        return Outcome(
            False, elapsed_ms, detail[:DETAIL_CHARACTERS], unable=unable or not has_route(target.address)
        )

    try:
        async with asyncio.timeout(target.timeout_seconds):
            finding = await KINDS[target.protocol](target)
    except TimeoutError:
        if clock() - started > target.timeout_seconds + LATE_SECONDS:
            return failed("this machine was too busy to check", unable=True)
        return failed(f"no answer within {target.timeout_seconds:g} s")
    except (OSError, Failed) as error:
        return failed(reason(error), unable=is_own(error))
    elapsed_ms = (clock() - started) * 1000
    return Outcome(True, elapsed_ms, notice=finding.notice[:DETAIL_CHARACTERS], days_left=finding.days_left)


def has_route(address: str) -> bool:
    """Tell whether this machine has a route to the address. Sends nothing: a UDP connect only looks it up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError:
        return False
    return True
