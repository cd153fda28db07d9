"""A real edge process's parts on loopback ports, with a small catalog live and a token for each scope."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Engine

from itm.config import Collect, Config, Demo, Ops, Public
from itm.ops.context import Explain
from itm.ops.edge import Running, running
from itm.steer.explain import WhyQuestion
from itm.store import catalogs, migrate, tokens
from itm.store.engine import open_engine

MAIN = """
pops:
  tokyo: {provider: aws, city: Tokyo, country: JP, lat: 35.7, lon: 139.7,
    probe_url: "https://tokyo.example", ipv4: 192.0.2.1}
  paris: {provider: aws, city: Paris, country: FR, lat: 48.9, lon: 2.4,
    probe_url: "https://paris.example", ipv4: 192.0.2.2}
services:
  gw.example.net.:
    ttl: 20
    pools: {world: {values: [tokyo, paris]}}
    rules: [{pool: world}]
    values: [192.0.2.1]
zones: [example.net.zone]
"""
ZONE = """$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.53
"""
FILES = {"catalog.yaml": MAIN, "example.net.zone": ZONE}


class Clock:
    """A clock moved by hand."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, headers, and the body as JSON where it is JSON."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Served:
    """What a scenario gets."""

    now: Running
    engine: Engine
    clock: Clock
    secrets: Mapping[str, str]
    http: aiohttp.ClientSession

    async def ops(
        self,
        method: str,
        path: str,
        *,
        scope: str = "",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Ask the ops listener, with the token of that scope if one is named."""
        given = {"Authorization": f"Bearer {self.secrets[scope]}"} if scope else dict(headers or {})
        return await self._ask(f"http://{self.now.ops}{path}", method, given, options)

    async def public(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """Ask the public listener."""
        return await self._ask(f"http://{self.now.public}{path}", method, headers or {}, options)

    async def tokens(self, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the tokens of a new session by POP, as a page of that client asks for them."""
        probes = (await self.public("POST", "/rum/v1/session", headers)).json["probes"]
        return {probe["pop"]: probe["token"] for probe in probes}

    async def _ask(self, url: str, method: str, headers: Mapping[str, str], options: Any) -> Answer:
        async with self.http.request(method, url, headers=headers, **options) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.text(errors="replace"))


def no_story(question: WhyQuestion) -> dict[str, Any]:
    """Stand for the explainer where nobody asks why."""
    return {"name": question.name, "client": question.client, "type": question.qtype, "pops": []}


def play(
    state: Path,
    scenario: Callable[[Served], Awaitable[None]],
    *,
    files: Mapping[str, str] | None = FILES,
    trusted: tuple[str, ...] = (),
    explain: Explain = no_story,
    demo: Demo | None = None,
    public: Public | None = None,
    collect: Collect | None = None,
) -> None:
    """Run the scenario against an edge on this state directory; `files` None: no catalog is live."""
    config = Config(
        state=str(state),
        public=public or Public(listen="127.0.0.1:0", trusted_proxies=trusted),
        ops=Ops(listen="127.0.0.1:0"),
        demo=demo or Demo(),
        collect=collect or Collect(),
    )
    asyncio.run(_play(replace(config), scenario, files, explain))


async def _play(
    config: Config,
    scenario: Callable[[Served], Awaitable[None]],
    files: Mapping[str, str] | None,
    explain: Explain,
) -> None:
    clock = Clock()
    migrate.upgrade(config.store_url)
    engine = open_engine(config.store_url)
    secrets = {
        scope: tokens.create(engine, scope, [scope], author="test", now=clock.now, replace=True)
        for scope in tokens.SCOPES
    }
    if files is not None and catalogs.live(engine) is None:
        make_live(engine, files, clock.now)
    async with (
        running(config, explain=explain, clock=clock) as now,
        aiohttp.ClientSession() as http,
    ):
        await scenario(Served(now, engine, clock, secrets, http))
    engine.dispose()


def make_live(engine: Engine, files: Mapping[str, str], now: float) -> int:
    """Apply a catalog as the builder would."""
    version = catalogs.add_pending(engine, files, author="test", now=now)
    assert catalogs.settle(engine, version, "live", now=now)
    return version
