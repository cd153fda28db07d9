from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.broker import program
from gateway.broker.authority import open_authority
from gateway.broker.config import Settings
from gateway.broker.desk import opened
from gateway.broker.program import serving
from gateway.broker.tls import ServerTls
from gateway.errors import ConfigError
from tests.gateway.broker.serving import broker


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    """The setting, the address and the system's reason."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            for name, reason in (("listen", r"^broker\.listen: "), ("signal", r"^broker\.signal: ")):
                taken = {"listen": "127.0.0.1:0", "signal": "127.0.0.1:0"} | {name: served.running.api}
                settings = Settings(state=str(tmp_path / "other"), **taken)
                with opened(settings) as desk, pytest.raises(ConfigError, match=reason):
                    await serving(desk).__aenter__()

    asyncio.run(story())


def test_the_program_starts_serves_and_stops(tmp_path: Path) -> None:
    """`itm-gateway broker` tells its addresses, and ends at SIGTERM with status 0."""
    words = [
        "broker",
        "--state",
        str(tmp_path / "b"),
        "--set",
        "listen=127.0.0.1:0",
        "--set",
        "signal=[::1]:0",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *words], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert re.search(
            r"INFO broker broker\.ready listen=127\.0\.0\.1:\d+ signal=\[::1\]:\d+ sta=STA", line
        )
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=10)[1]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in rest
    assert rest.splitlines()[-1].endswith("broker.stopping")


def test_a_full_disk_does_not_end_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A certificate that cannot be written is told and tried again."""
    monkeypatch.setattr(program, "RENEW_RETRY_SECONDS", 0.01)
    caplog.set_level("INFO")

    async def story() -> None:
        authority = open_authority(tmp_path, time.time)
        tls = ServerTls(authority, tmp_path, ("localhost",), 0.02, "STA1")
        (tmp_path / "broker.new").mkdir()  # as good as a full disk, also for root
        renewing = asyncio.ensure_future(program._renew(tls))
        try:
            await until(lambda: "broker.certificate_not_renewed" in caplog.text)
            (tmp_path / "broker.new").rmdir()
            await until(lambda: "broker.certificate_renewed" in caplog.text)
        finally:
            renewing.cancel()

    asyncio.run(story())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
