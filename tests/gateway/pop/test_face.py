"""The plain HTTP face: health and the objects that browsers measure."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all
from tests.gateway.pop.scene import scene


def test_face_serves_health_and_probe_objects(certificates: Certificates, tmp_path: Path) -> None:
    """Health, the pixel with Timing-Allow-Origin and NEL, 404, 405; keep-alive works."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", report_to="https://itm.test/nel") as s:
            client = await s.client(alpn=("http/1.1",))
            text = b""
            for path in (b"/healthz", b"/probe/v1/r.gif?x=1", b"/nothing"):
                await client.write(b"GET " + path + b" HTTP/1.1\r\nHost: gw.test\r\n\r\n")
                text += await client.read()
            await client.write(b"POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text += await read_all(client)
            assert text.count(b"HTTP/1.1 200") == 2
            assert b"GIF89a" in text
            assert b"Timing-Allow-Origin: *" in text
            assert b"https://itm.test/nel" in text
            assert b"HTTP/1.1 404" in text
            assert b"HTTP/1.1 405" in text

    asyncio.run(body())
