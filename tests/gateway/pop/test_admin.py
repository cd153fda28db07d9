"""What an operator on the machine can see."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import scene, until


def test_admin_shows_metrics_and_traces(certificates: Certificates, tmp_path: Path) -> None:
    """The admin address is in the state directory; a session's phases and end can be read there."""

    def get(url: str) -> str:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            await until(lambda: (s.state / "admin").exists())
            client, _ = await s.socks(s.sta.know(1))
            base = "http://" + (s.state / "admin").read_text().strip()
            assert "gateway_pop_sessions 1" in await asyncio.to_thread(get, base + "/metrics")
            await client.write(b"hello")
            await client.read_exactly(5)
            [record] = json.loads(await asyncio.to_thread(get, f"{base}/sessions/{1:032x}"))
            assert (record["ended"], record["from_client"], record["pop"]) == (None, 5, "pop-a")
            client.close()
            await until(lambda: len(s.pop.sessions) == 0)
            [record] = json.loads(await asyncio.to_thread(get, f"{base}/sessions/{1:032x}"))
            assert record["code"] == "client_lost"
            assert record["phases"]["join"] > 0

    asyncio.run(body())
