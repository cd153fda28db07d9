"""The plain HTTP face: health and the objects that browsers measure."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.pop.face import LARGE_BYTES
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
            assert text.count(b'Report-To: {"group": "nel"') == text.count(b'NEL: {"report_to": "nel"') == 4
            assert b"https://itm.test/nel" in text
            assert b"HTTP/1.1 404" in text
            assert b"HTTP/1.1 405" in text

    asyncio.run(body())


def test_the_large_object_is_whole(certificates: Certificates, tmp_path: Path) -> None:
    """As long as it says, open to measuring pages; HEAD has no body."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            answers = []
            for method in (b"GET", b"HEAD"):
                client = await s.client(alpn=("http/1.1",))
                await client.write(
                    method + b" /probe/v1/l.bin?x=1 HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n"
                )
                head, _, content = (await read_all(client)).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert b"Content-Type: application/octet-stream" in head
                assert b"Content-Length: %d" % LARGE_BYTES in head
                assert b"Timing-Allow-Origin: *" in head
                answers.append(len(content))
            assert answers == [LARGE_BYTES, 0]

    asyncio.run(body())
