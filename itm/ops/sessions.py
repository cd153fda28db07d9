"""The session endpoint: a page view asks what to measure and gets a plan, a token for each probe.

Nothing is thought here: the map says who is served where, the exploration table what is worth measuring,
and both are files that the builder left. 204: nothing to measure, with the reason counted; 400, 404: not a
request.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from collectors.errors import KeyFileError, SessionError
from collectors.network import Network
from collectors.rum import session
from collectors.rum.bots import is_bot
from collectors.rum.budget import Budgets
from collectors.rum.keyfile import KeyFile
from collectors.rum.plan import Planned
from collectors.rum.register import TokenRegister
from collectors.rum.session import Probe
from itm.config import Config
from itm.errors import ConfigError, Refused
from itm.ops import demo
from itm.ops.exploring import Exploring
from itm.ops.live import Version
from itm.ops.metrics import Registry
from itm.ops.served import Offer, ServedMap
from itm.routemap.health import HealthReader

log = logging.getLogger(__name__)

KEY_FILE: Final = "rum.keys"
NO_POP: Final = "no_pop"
BOT: Final = "bot"


class Sessions:
    """Plans sessions and issues their tokens; `asked` hears which network was given which session.

    Raises `ConfigError` for a key file that cannot be used.
    """

    def __init__(
        self,
        config: Config,
        registry: Registry,
        clock: Callable[[], float],
        asked: Callable[[str, Network], None],
        rng: random.Random | None = None,
    ) -> None:
        collect, state = config.collect, config.state_dir
        self._demo = config.demo
        self._clock = clock
        self._asked = asked
        self._rng = rng or random.Random()
        self._served = ServedMap(state / "maps", HealthReader(state / "health.table"))
        self._exploring = Exploring(state, config.builder.interval_seconds)
        self._budgets = Budgets(collect.network_sessions_per_hour, collect.sessions_per_second)
        self._urls: tuple[int, dict[str, str]] = (-1, {})
        try:
            self._keys = KeyFile(
                Path(collect.token_keys).absolute() if collect.token_keys else state / KEY_FILE,
                is_ours=not collect.token_keys,
                life_seconds=collect.token_seconds,
                clock=clock,
            )
        except KeyFileError as error:
            raise ConfigError(f"collect.token_keys: {error}") from error
        self._key_fault = ""
        self.register = TokenRegister(
            self._keys.keys, life_seconds=collect.token_seconds, most_spent=collect.spent_tokens
        )
        self._planned = registry.counter("itm_sessions_total", "Sessions planned.")
        self._probes = registry.counter("itm_session_probes_total", "Probes planned, by why.")
        self._declined = registry.counter(
            "itm_sessions_declined_total", "Sessions answered with nothing to measure, by reason."
        )
        registry.gauge("itm_tokens_spent", "Used tokens in memory.", lambda: [({}, len(self.register.spent))])

    async def follow(self) -> None:
        """Take up another map, table or keys. What cannot be read is told once; what was read stays."""
        await asyncio.to_thread(self.read_files)
        try:
            if await asyncio.to_thread(self._keys.look):
                self.register.replace(self._keys.keys)
                log.info("tokens.keys_changed")
            self._key_fault = ""
        except KeyFileError as error:
            if str(error) != self._key_fault:
                self._key_fault = str(error)
                log.error("tokens.keys_unusable", extra={"reason": self._key_fault})

    def read_files(self) -> None:
        """Take up another map and another table; for any thread."""
        self._served.follow()
        self._exploring.follow()

    def plan(self, body: bytes, network: Network, live: Version, user_agent: str = "") -> web.Response:
        """Answer one request of a client in `network`; a robot gets no plan. Raises `Refused`."""
        now = self._clock()
        try:
            service = session.service_of(body)
            offer = self._served.offer(service, network)
        except SessionError as error:
            raise Refused(400, str(error)) from error
        except KeyError as error:
            raise Refused(404, f"no steered name {service}") from error
        reason = BOT if is_bot(user_agent) else self._budgets.take(network, now)
        if reason:
            return self._decline(reason)
        urls = self._urls_of(live)
        planned = self._choose(network, offer, urls, now)
        if not planned:
            return self._decline(NO_POP)
        self._count(planned)
        large = self._rng.randrange(len(planned))  # 100 kB once per session, of whichever POP
        probes = [
            Probe(one.pop, one.why, urls[one.pop], self.register.issue(network, one.pop, now), index == large)
            for index, one in enumerate(planned)
        ]
        name, resolver = session.new_session(), None
        if live.catalog.probe_zone:
            resolver = session.resolver_url(name, live.catalog.probe_zone)
            self._asked(name, network)
        return web.Response(body=session.answer(name, probes, resolver), content_type="application/json")

    def _choose(
        self, network: Network, offer: Offer | None, urls: dict[str, str], now: float
    ) -> tuple[Planned, ...]:
        allowed = offer.allowed if offer else [pop for pop in urls if self._served.is_in_use(pop)]
        current = offer.current if offer and offer.current in urls else ""
        measurable = [pop for pop in allowed if pop in urls]
        return self._exploring.choose(network, current, measurable, self._rng, now)

    def _decline(self, reason: str) -> web.Response:
        self._declined.add(reason=reason)
        return web.Response(status=204)

    def _count(self, planned: tuple[Planned, ...]) -> None:
        self._planned.add()
        for one in planned:
            self._probes.add(why=one.why)

    def _urls_of(self, live: Version) -> dict[str, str]:
        """Return the probe URL of each POP that has one, as it is in force here."""
        if self._urls[0] != live.number:
            known = {pop.id: pop.probe_url for pop in live.catalog.pops if pop.probe_url}
            if self._demo.enabled:
                known = {pop: demo.probed_here(url, self._demo) for pop, url in known.items()}
            self._urls = (live.number, known)
        return self._urls[1]
