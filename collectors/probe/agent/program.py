"""The agent: enrols once, then checks what it is told and reports what came out, until it is stopped.

While the server is away it goes on checking by the plan it has; the newest outcomes wait. It ends by itself
only when the server refuses it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.errors import AgentRefused, FormError
from collectors.probe.agent import credential
from collectors.probe.agent.link import Away, Link, linked
from collectors.probe.agent.outbox import Outbox
from collectors.probe.loop import ProbeLoop
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.threshold import Verdict, judge, start

log = logging.getLogger(__name__)

REPORT_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 15.0
"""Between two tries while the server is away; they start at `REPORT_SECONDS` and double."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server is, where the credential is kept, the one-time token (empty once enrolled).

    `authorities` verify the server's certificate; None: those that this machine trusts.
    """

    server: str
    state: Path
    token: str = ""
    authorities: Path | None = None


class Agent:
    """Checks and reports. What it could not check it says nothing about, which the server sees."""

    def __init__(
        self,
        link: Link,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause_seconds: float = REPORT_SECONDS,
    ) -> None:
        self._link, self._clock, self._pause_seconds = link, clock, pause_seconds
        self._outbox = Outbox(secrets.token_hex(8))
        self._loop = ProbeLoop(self.observe, lambda _: None)
        self._version = ""
        self._unread = ""
        self._plans: dict[str, ProbePlan] = {}
        self._verdicts: dict[tuple[str, str], Verdict] = {}

    async def run(self) -> None:
        """Check and report until cancelled. Raises `AgentRefused`."""
        refusal: AgentRefused | None = None
        async with asyncio.TaskGroup() as group:
            checks = group.create_task(self._loop.run())
            try:
                await self._report()
            except AgentRefused as error:
                refusal = error
            finally:
                checks.cancel()
        if refusal is not None:
            raise refusal

    def observe(self, pop: str, address: str, outcome: Outcome) -> bool:
        """Have an outcome reported; return whether the next check should come soon."""
        self._outbox.add(pop, address, outcome, self._clock())
        plan, key = self._plans[pop], (pop, address)
        verdict = judge(self._verdicts.get(key) or start(0.0, "unknown"), outcome, plan.threshold, 0.0)
        self._verdicts[key] = verdict
        return verdict.contrary > 0

    async def turn(self) -> None:
        """Send one report, and take up another plan if there is one. Raises `AgentRefused`, `Away`."""
        try:
            holds = await self._link.send(self._outbox.report(self._version, self._clock()))
        except FormError as error:
            log.error("report.refused", extra={"reason": str(error)})
            holds = self._version
        self._outbox.answered()
        if holds not in (self._version, self._unread):
            await self._take_plan(holds)

    async def _take_plan(self, version: str) -> None:
        try:
            self._version, self._plans = await self._link.plan()
        except FormError as error:  # what it checks now is not what the server wants, which the server sees
            log.error("plan.unread", extra={"reason": str(error)})
            self._unread = version
            return
        planned = {(pop, address) for pop, plan in self._plans.items() for address in plan.addresses}
        self._verdicts = {key: verdict for key, verdict in self._verdicts.items() if key in planned}
        self._outbox.forget()
        self._loop.replace(self._plans)
        log.info("plan.taken", extra={"version": self._version, "pops": len(self._plans)})

    async def _report(self) -> None:
        away, pause = "", self._pause_seconds
        while True:
            try:
                await self.turn()
            except Away as error:
                if not away:
                    log.warning("server.away", extra={"reason": str(error)})
                away, pause = str(error), min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                if away:
                    log.info("server.back", extra={"dropped": self._outbox.dropped})
                away, pause = "", self._pause_seconds
            if not (self._outbox.has_more and not away):
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))


async def run(settings: Settings) -> None:
    """Enrol if need be, then work until cancelled. Raises `AgentRefused`, `OSError` for files."""
    async with linked(settings.server, settings.authorities) as link:
        await _enrol(link, settings)
        await Agent(link).run()


async def _enrol(link: Link, settings: Settings) -> None:
    link.credential = credential.enrolled(settings.state)
    if link.credential:
        return
    if not settings.token:
        raise AgentRefused(f"{settings.state / credential.FILE}: no such file: enrol with --token-file")
    made, pause = credential.propose(settings.state), REPORT_SECONDS
    while True:
        try:
            name = await link.enrol(settings.token, made)
            break
        except FormError as error:
            raise AgentRefused(str(error)) from None
        except Away as error:
            log.warning("server.away", extra={"reason": str(error)})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    credential.keep(settings.state)
    link.credential = made
    log.info("agent.enrolled", extra={"agent": name})
