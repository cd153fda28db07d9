"""The connector's process: how its certificate is renewed, beside a broker that runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.broker import locations
from gateway.connector import program
from gateway.connector.allow import parse_allow_list
from gateway.connector.credential import FILE, load_credential
from gateway.connector.program import Program, Settings
from gateway.errors import ConfigError
from tests.gateway.broker.serving import Served, broker

DAY = 86_400.0


@dataclass
class Site:
    """A broker with a location, and a connector's state directory; `late` is how far on its clock is."""

    served: Served
    state: Path
    late: float = 0.0

    def clock(self) -> float:
        return time.time() + self.late

    def token(self) -> str:
        desk = self.served.desk
        location = locations.find(desk.engine, "site", tenant="default")
        return desk.enrolment.connector_token(location, desk.clock())

    async def connector(self, token: str = "") -> Program:
        """Start a connector as far as it goes without its loop; it enrols if it has to and can."""
        ca = self.state.parent / "broker" / "ca.pem"
        url = f"https://{self.served.running.api}" if token else ""
        allow = parse_allow_list(["127.0.0.1:*"])
        settings = Settings(self.state, allow, broker=url, token=token, ca=ca)
        return await asyncio.to_thread(Program, settings, self.clock)


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    async with broker(folder) as served:
        locations.create(served.desk.engine, "site", tenant="default", now=served.desk.clock())
        yield Site(served, folder / "connector")


@contextlib.asynccontextmanager
async def going_on(chore: Awaitable[None]) -> AsyncIterator[asyncio.Future[None]]:
    """Run a chore beside the block."""
    running = asyncio.ensure_future(chore)
    try:
        async with asyncio.timeout(10):
            yield running
    finally:
        running.cancel()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.005)


def test_a_full_disk_does_not_end_the_connector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A renewal that cannot be written is tried again, and all of the old credential serves until then."""
    monkeypatch.setattr(program, "RENEW_RETRY_SECONDS", 0.01)

    async def story() -> None:
        async with site(tmp_path) as here:
            one = await here.connector(here.token())
            first = load_credential(here.state)
            (here.state / f"{FILE}.new").mkdir()  # as good as a full disk, also for root
            here.late = DAY * 2 / 3 + 60
            async with going_on(one._renew()) as running:
                await until(lambda: "certificate.not_renewed" in caplog.text)
                assert not running.done()
                assert one._credential == load_credential(here.state) == first
                (here.state / f"{FILE}.new").rmdir()
                await until(lambda: load_credential(here.state) != first)

    asyncio.run(story())


def test_asking_the_broker_writes_no_key(tmp_path: Path) -> None:
    """The ledger's thread presents the credential from memory, so it cannot meet a renewal's file."""

    async def story() -> None:
        async with site(tmp_path) as here:
            one = await here.connector(here.token())
            (here.state / "connector.pem").unlink()
            answer = await asyncio.to_thread(one._ask, {"sessions": [], "ended": []})
            assert answer["tokens"] == {}
            assert not (here.state / "connector.pem").exists()

    asyncio.run(story())


def test_an_expired_certificate_has_a_way_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At start the operator learns what to do, and a new token makes a connector of the same directory."""

    async def story() -> None:
        async with site(tmp_path) as here:
            first = (await here.connector(here.token()))._credential
            here.late = 2 * DAY
            with pytest.raises(ConfigError, match=r"expired at .* UTC; start with .*`connector token`"):
                await here.connector()
            assert load_credential(here.state) == first
            here.late = 0.0
            assert (await here.connector("unspent"))._credential == first  # no token is spent without need
            here.late = 2 * DAY
            second = (await here.connector(here.token()))._credential
            assert second.connector != first.connector
            assert load_credential(here.state) == second
            assert "certificate.expired" in caplog.text

    asyncio.run(story())


def test_a_certificate_that_expires_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The line about the renewal that failed says what the operator has to do from then on."""
    monkeypatch.setattr(program, "RENEW_RETRY_SECONDS", 0.01)

    async def story() -> None:
        async with site(tmp_path) as here:
            one = await here.connector(here.token())
            here.served.desk.enrolment.revoke("connector", one._credential.connector, time.time())
            here.late = 2 * DAY
            async with going_on(one._renew()):
                await until(lambda: "certificate.not_renewed" in caplog.text)
            (record, *_) = (r for r in caplog.records if r.message == "certificate.not_renewed")
            assert "was revoked; the certificate expired at" in record.reason  # type: ignore[attr-defined]

    asyncio.run(story())
