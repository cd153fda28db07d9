"""All that one broker works with, opened from its settings: the one context of its API and commands."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from gateway.broker.authority import Authority, open_authority, publish
from gateway.broker.config import Settings
from gateway.broker.directories import Directories
from gateway.broker.engine import open_engine
from gateway.broker.enrolment import Enrolment
from gateway.broker.guesses import Guesses
from gateway.broker.launch import Launcher
from gateway.broker.migrate import upgrade
from gateway.broker.names import parse_address
from gateway.broker.seal import Seal
from gateway.broker.tickets import Sta
from gateway.broker.users import Passwords
from gateway.errors import ConfigError

STA_FILE: Final = "sta"


@dataclass(frozen=True, slots=True)
class Desk:
    """The broker's parts; each is the business of its own module."""

    settings: Settings
    engine: Engine
    authority: Authority
    sta: Sta
    enrolment: Enrolment
    launcher: Launcher
    passwords: Passwords
    guesses: Guesses
    directories: Directories
    clock: Callable[[], float]

    @property
    def operator_key(self) -> str:
        """What a command on this state directory shows to the broker that runs on it."""
        return self.authority.secret("operator").hex()

    @property
    def gateway_name(self) -> str:
        """The steered name without its port."""
        return self.launcher.host


@contextmanager
def opened(settings: Settings, clock: Callable[[], float] = time.time) -> Iterator[Desk]:
    """Open state and database, made or upgraded if need be. Raises `ConfigError`."""
    authority = open_authority(settings.state_dir, clock)
    upgrade(settings.database_url)
    engine = open_engine(settings.database_url)
    host, port = parse_address("broker.gateway", settings.gateway)
    sta = Sta(engine, settings.sta or _sta_id(settings), authority.secret("ticket stamp"))
    try:
        yield Desk(
            settings,
            engine,
            authority,
            sta,
            Enrolment(engine, authority, settings.certificate_hours * 3600, host),
            Launcher(engine, sta, host, port),
            Passwords(),
            Guesses(clock),
            Directories(engine, Seal(authority.secret("directory passwords"))),
            clock,
        )
    finally:
        engine.dispose()


def _sta_id(settings: Settings) -> str:
    """Return this broker's own id, made once."""
    path = settings.state_dir / STA_FILE
    try:
        if not path.exists():
            publish(path, f"STA{secrets.token_hex(5).upper()}\n".encode())
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"broker.state: {path}: {error.strerror}") from error
