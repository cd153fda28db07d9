"""A fake ITM: takes feeds, tells a POP's state to who waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

POP = "fra"


@dataclass
class FakeItm:
    """`status` is what feeds get; `refuse` how many rows of each are refused."""

    state: str = "up"
    status: int = 200
    refuse: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, metric: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["metric"] == metric]

    def say(self, state: str) -> None:
        """Change the POP's state."""
        self.state = state
        self._changed.set()

    async def feed(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        rows = [json.loads(line) for line in (await request.text()).splitlines()]
        if self.status in (200, 400):
            self.rows += rows
        reasons = [{"line": 1, "code": "unknown_pop", "text": "pop: no POP"}] * self.refuse
        answer = {"accepted": len(rows) - self.refuse, "refused": self.refuse, "reasons": reasons}
        return web.json_response(answer, status=self.status)

    async def tell(self, request: web.Request) -> web.Response:
        self.asked.append(str(request.rel_url))
        if request.match_info["pop"] != POP:
            return web.json_response({"error": "no such POP in the live catalog"}, status=404)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(float(request.query["wait"])):
                while self.state == request.query["while"]:
                    self._changed.clear()
                    await self._changed.wait()
        return web.json_response({"pop": POP, "state": self.state})


@contextlib.asynccontextmanager
async def fake_itm(port: int = 0) -> AsyncIterator[FakeItm]:
    """Serve one on loopback."""
    itm = FakeItm()
    app = web.Application()
    app.router.add_post("/api/v1/feed", itm.feed)
    app.router.add_get("/api/v1/pops/{pop}/state", itm.tell)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    itm.port = runner.addresses[0][1]
    try:
        yield itm
    finally:
        await runner.cleanup()
