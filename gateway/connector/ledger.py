"""What a connector tells the broker of its sessions, and hears: why they ended, the next routing tokens.

The connector holds a session wherever its client comes from, so it is the one that renews its token: it
hands it to the client inside the session, and no POP sees it until it is used. The broker may be away for
most of a token's life. What an administrator has ended, and no POP could tell, ends here too.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from gateway.errors import GatewayError
from gateway.protocol.codes import CloseCode

log = logging.getLogger(__name__)

BATCH: Final = 200
"""Sessions of one request."""
GATHER_SECONDS: Final = 1.0
"""Ends that come together are told together."""
RETRY_SECONDS: Final = 15.0
MOST_ENDS: Final = 2_000
"""Ends that wait for a broker that is away, the latest ones."""
LEAST_SECONDS: Final = 0.5

Ask = Callable[[Mapping[str, object]], "dict[str, Any]"]
"""Sends a body to `/connectors/sessions`; blocks, so it is called in a thread."""


class Holder(Protocol):
    """Who holds the sessions."""

    def sessions(self) -> Sequence[str]:
        """Return the resumable sessions held now."""

    def hand_over(self, session: str, token: str) -> None:
        """Give a session's client its next routing token."""

    def end(self, session: str, code: CloseCode) -> None:
        """End a session now."""


class Ledger:
    """`run` keeps the broker told; `ended` notes an end."""

    def __init__(self, holder: Holder, ask: Ask) -> None:
        self._holder, self._ask = holder, ask
        self._ends: deque[str] = deque(maxlen=MOST_ENDS)
        self._has_ends = asyncio.Event()

    def ended(self, session: str, code: CloseCode) -> None:
        """Note that a session ended."""
        self._ends.append(f"{session} {code}")
        self._has_ends.set()

    async def run(self) -> None:
        """Ask in time for the next tokens, and tell of ends, until cancelled."""
        loop = asyncio.get_running_loop()
        next_renewal = loop.time()
        while True:
            is_due = loop.time() >= next_renewal
            try:
                renew_after = await self._exchange(self._holder.sessions() if is_due else ())
            except (GatewayError, OSError) as error:
                log.warning("sessions.not_told", extra={"reason": str(error)})
                await asyncio.sleep(random.uniform(0.5, 1) * RETRY_SECONDS)
                continue
            if is_due:
                next_renewal = loop.time() + random.uniform(0.8, 1) * max(LEAST_SECONDS, renew_after)
            await self._wait(next_renewal - loop.time())

    async def _wait(self, seconds: float) -> None:
        """Wait until tokens are due or ends are to be told."""
        try:
            async with asyncio.timeout(seconds):
                await self._has_ends.wait()
                await asyncio.sleep(GATHER_SECONDS)
        except TimeoutError:
            return

    async def _exchange(self, held: Sequence[str]) -> float:
        """Tell and ask, in as many requests as it takes; return after how many seconds to renew again."""
        renew_after = RETRY_SECONDS
        batches = [list(held[start : start + BATCH]) for start in range(0, len(held), BATCH)] or [[]]
        while batches or self._ends:
            ends = [self._ends[index] for index in range(min(BATCH, len(self._ends)))]
            body = {"sessions": batches.pop(0) if batches else [], "ended": ends}
            answer = await asyncio.to_thread(self._ask, body)
            for _ in ends:
                self._ends.popleft()
            renew_after = self._take(answer)
        self._has_ends.clear()
        return renew_after

    def _take(self, answer: Mapping[str, Any]) -> float:
        tokens, ended = answer.get("tokens"), answer.get("ended")
        for session, token in tokens.items() if isinstance(tokens, dict) else ():
            self._holder.hand_over(str(session), str(token))
        for session in ended if isinstance(ended, list) else ():
            self._holder.end(str(session), CloseCode.BROKER_ENDED)
        seconds = answer.get("renew_after_seconds")
        return float(seconds) if isinstance(seconds, int | float) else RETRY_SECONDS
