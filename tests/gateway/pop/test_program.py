"""The POP as a whole: drains, and ends what must end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Lost
from gateway.pop import credential, program
from gateway.pop.health import Health
from gateway.protocol import control, hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import LOCATION, rsp, scene, until


def test_drain_waits_for_sessions_then_cuts_with_the_pops_fault(
    certificates: Certificates, tmp_path: Path
) -> None:
    """SIGTERM's drain: connectors are told, health goes red, new tickets refused, the rest is cut in time."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector()
            client, _ = await s.socks(s.sta.know(1))
            s.stopping.set()
            await until(lambda: any(isinstance(frame, control.Drain) for frame in connector.other))
            with pytest.raises(ProtocolError) as refusal:
                await rsp(s, hello.ClientHello(1, ticket=s.sta.know(2)))
            assert refusal.value.code is CloseCode.POP_DRAINING
            assert s.pop.health() == Health(False, "stopping")
            await client.write(b"still here")
            assert await client.read() == b"still here"
            with pytest.raises(Lost):
                await client.read()
            assert s.pop.sessions.recent(1)[0].code == "pop_stopped"

    asyncio.run(body())


def test_a_session_ends_at_its_longest_duration_and_by_the_broker(
    certificates: Certificates, tmp_path: Path
) -> None:
    """max_seconds cuts it; so does the broker's End, which also reaches the connectors."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector()
            await s.socks(s.sta.know(1, limits={"idle_seconds": 60, "max_seconds": 1}))
            await s.socks(s.sta.know(2))
            s.pop.end(control.End(f"{2:032x}", CloseCode.BROKER_ENDED, LOCATION))
            assert s.pop.sessions.trace(f"{2:032x}")[0].code == "broker_ended"
            await until(lambda: any(isinstance(frame, control.End) for frame in connector.other))
            await until(lambda: len(s.pop.sessions) == 0)
            assert s.pop.sessions.trace(f"{1:032x}")[0].code == "client_session_expired"

    asyncio.run(body())


def test_a_full_disk_does_not_end_the_pop(
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A renewal that cannot be written is told, with the way back once it is too late, and tried again."""
    monkeypatch.setattr(program, "RENEW_RETRY_SECONDS", 0.01)
    caplog.set_level("INFO")
    faults = [OSError(28, "No space left on device")]

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            fresh = s.pop._who

            def renew(*_: object) -> credential.Credential:
                if faults:
                    raise faults.pop()
                return fresh

            monkeypatch.setattr(credential, "renew", renew)
            s.pop._who = replace(fresh, renew_at=0.0, expires_at=0.0)
            renewing = s.tasks.create_task(s.pop._renew())
            await until(lambda: "certificate.not_renewed" in caplog.text)
            await until(lambda: "certificate.renewed" in caplog.text)
            assert s.pop._who is fresh
            (record, *_) = (r for r in caplog.records if r.message == "certificate.not_renewed")
            assert "No space left on device; the certificate expired at" in record.reason  # type: ignore[attr-defined]
            renewing.cancel()

    asyncio.run(body())
