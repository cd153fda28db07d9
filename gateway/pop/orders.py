"""What ITM says about this POP: `drained` means that new sessions go elsewhere and those here move.

Asked with a long wait, so that a drain is heard at once. ITM away, or a state that is no order (`down`): what
was said last goes on holding.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from gateway.errors import GatewayError, Lost
from gateway.pop.contact import Contact
from gateway.pop.http import HttpPeer

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 25.0
SLACK_SECONDS: Final = 10.0
"""What an answer may come late."""
LEAST_SECONDS: Final = 0.5
"""From one question to the next, should a server answer at once what it was to wait with."""
RETRY_SECONDS: Final = 3.0
DRAINS: Final = {"drained": True, "up": False, "degraded": False}


class Orders:
    """Watches the state of one POP id; `obey` is told whether to drain, whenever that may have changed."""

    def __init__(self, itm: HttpPeer, pop: str, obey: Callable[[bool], None]) -> None:
        self._itm, self._obey = itm, obey
        self._path = f"/api/v1/pops/{quote(pop, safe='')}/state"
        self._contact = Contact("itm.state", log)

    async def run(self) -> None:
        """Ask until cancelled."""
        known = ""
        while True:
            try:
                known = await self._ask(known)
            except (GatewayError, TimeoutError) as error:
                self._contact.away(str(error) or "no answer in time")
                await asyncio.sleep(random.uniform(0, RETRY_SECONDS))
                continue
            self._contact.here()
            if known in DRAINS:
                self._obey(DRAINS[known])
            await asyncio.sleep(LEAST_SECONDS)

    async def _ask(self, known: str) -> str:
        """Return the state, once it is another than `known` or the wait is over."""
        async with asyncio.timeout(WAIT_SECONDS + SLACK_SECONDS):
            status, answer = await self._itm.request(
                "GET", f"{self._path}?while={quote(known, safe='')}&wait={WAIT_SECONDS:g}"
            )
        try:
            said = json.loads(answer)
            if status == 200:
                return str(said["state"])
            reason = str(said["error"])
        except (ValueError, KeyError, TypeError):
            reason = "no state in the answer"
        raise Lost(f"status {status}: {reason}")
