"""A connector's control channel belongs to who its certificate names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.protocol import control
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import ended, scene


def test_a_connector_must_be_who_its_certificate_says(certificates: Certificates, tmp_path: Path) -> None:
    """Another id in Hello, or no certificate at all: no control channel."""

    async def body() -> None:

        async with scene(certificates, tmp_path / "a") as s:
            with pytest.raises((Lost, IndexError, AssertionError)):
                await s.connector("c-1", claims="c-2")
            plain = await connect("127.0.0.1", s.port, seconds=5)
            context = certificates.client_context(alpn=(control.ALPN,))
            channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
            assert await ended(channel)  # TLS 1.3: the server's refusal comes after our part is done
            channel.close()
            assert len(s.pop.connectors) == 0

    asyncio.run(body())
