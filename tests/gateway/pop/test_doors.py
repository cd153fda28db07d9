"""Certificates by kind of connection, and new ones without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.pop.doors import is_whole, offers
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import scene


def test_a_new_certificate_is_served_without_a_restart(certificates: Certificates, tmp_path: Path) -> None:
    """Replacing the file changes what the next client sees; a broken file changes nothing."""

    async def body() -> None:
        public = tmp_path / "public.pem"
        public.write_bytes(certificates.server("one.pem").read_bytes())
        async with scene(certificates, tmp_path / "a", certificate=public) as s:

            async def serial() -> object:
                certificate = (await s.client()).peer_certificate()
                return certificate and certificate["serialNumber"]

            before = await serial()
            public.write_bytes(certificates.server("two.pem").read_bytes())
            assert s.pop.doors.reload()
            after = await serial()
            assert after != before
            public.write_text("broken")
            with pytest.raises(ConfigError):
                s.pop.doors.reload()
            assert await serial() == after

    asyncio.run(body())


def test_the_first_record_is_awaited_whole() -> None:
    """A ClientHello is looked at when its record is complete; what is no TLS is not waited for."""
    head = b"\x16\x03\x01\x00\x05hello"
    assert is_whole(head)
    assert not is_whole(head[:-1])
    assert not is_whole(b"\x16\x03")
    assert is_whole(b"GET /")
    assert is_whole(b"")
    assert offers(b"..\x09hdx-ctl/1..", "hdx-ctl/1")
    assert not offers(b"..\x09hdx-dat/1..", "hdx-ctl/1")
