"""The broker's settings, read once at start by every command that works on its state.

Order of precedence: defaults < `broker.toml` in the state directory < environment (`ITM_BROKER_LISTEN`)
< `--set listen=…`. Locations, resources and users are data in the database, not settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.broker.names import format_address, parse_address
from gateway.errors import ConfigError, Invalid

FILE: Final = "broker.toml"
DEFAULT_STATE: Final = "state/broker"
ENVIRONMENT: Final = "ITM_BROKER_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the broker is told. Listen addresses are `host:port`."""

    state: str = DEFAULT_STATE
    listen: str = "127.0.0.1:8443"  # HTTPS: STA, enrolment, launch
    signal: str = "127.0.0.1:8444"  # TLS: control channels of POPs
    names: tuple[str, ...] = ("localhost", "127.0.0.1")  # of this broker, as POPs and connectors reach it
    gateway: str = "localhost:443"  # the steered name and port that clients open
    database: str = ""  # sqlite:///… or postgresql://…; empty: a file in the state directory
    sta: str = ""  # id in every ticket, unique per broker; empty: made at the first start
    certificate_hours: float = 24.0
    token_seconds: float = 3600.0  # life of a routing token; renewed inside the session at a third of it

    @property
    def state_dir(self) -> Path:
        """The state directory as an absolute path."""
        return Path(self.state).absolute()

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the broker's database."""
        return self.database or f"sqlite:///{self.state_dir / 'broker.db'}"

    @property
    def url(self) -> str:
        """Where POPs and connectors reach the HTTPS listener: the first name, the listening port."""
        return f"https://{format_address(self.names[0], parse_listen('listen', self.listen)[1])}"

    @property
    def signal_address(self) -> str:
        """Where POPs reach the signal port, likewise."""
        return format_address(self.names[0], parse_listen("signal", self.signal)[1])


def parse_listen(name: str, text: str) -> tuple[str, int]:
    """Return host and port to listen on; port 0 lets the system choose. Raises `Invalid`."""
    if text.endswith(":0"):
        return parse_address(f"broker.{name}", text[:-1] + "1")[0], 0
    return parse_address(f"broker.{name}", text)


def configure(parser: argparse.ArgumentParser, *, tenant: bool = False) -> None:
    """Add the options that every command on the broker's state has; `tenant`: those of one tenant's."""
    if tenant:
        parser.add_argument("--tenant", default="default", metavar="ID", help="whose (default)")
    parser.add_argument("--state", metavar="DIR", help="the broker's state directory (state/broker)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, e.g. gateway=gw.example:443",
    )


def load(
    state: str | None = None, sets: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings. Raises `ConfigError` naming the one that is wrong."""
    environment = os.environ if env is None else env
    given: dict[str, Any] = {
        name.removeprefix(ENVIRONMENT).lower(): text
        for name, text in environment.items()
        if name.startswith(ENVIRONMENT)
    }
    for item in sets:
        name, equals, text = item.partition("=")
        if not equals:
            raise ConfigError(f"--set {item}: expected name=value")
        given[name] = text
    if state is not None:
        given["state"] = state
    values = _file(Path(given.get("state", DEFAULT_STATE)) / FILE) | given
    return _check(Settings(**{name: _value(name, value) for name, value in values.items()}))


def of(args: argparse.Namespace) -> Settings:
    """Return the settings that a command's options ask for."""
    return load(args.state, args.set)


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _value(name: str, value: Any) -> Any:
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    if name not in fields:
        raise ConfigError(f"broker.{name}: no such setting (known: {', '.join(fields)})")
    default = fields[name].default
    if isinstance(default, tuple):
        items = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(items, list) or not items or not all(isinstance(i, str) and i for i in items):
            raise ConfigError(f"broker.{name}: expected a list of texts, got {value!r}")
        return tuple(items)
    if isinstance(default, float):
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"broker.{name}: expected a number, got {value!r}") from None
    if not isinstance(value, str):
        raise ConfigError(f"broker.{name}: expected a text, got {value!r}")
    return value


def _check(settings: Settings) -> Settings:
    try:
        parse_listen("listen", settings.listen)
        parse_listen("signal", settings.signal)
        parse_address("broker.gateway", settings.gateway)
    except Invalid as error:
        raise ConfigError(str(error)) from error
    if settings.sta and not re.fullmatch(r"[A-Z0-9]{1,16}", settings.sta):
        raise ConfigError(f"broker.sta: expected 1 to 16 capitals and digits, got {settings.sta!r}")
    if not 0.01 <= settings.certificate_hours <= 24 * 90:
        raise ConfigError("broker.certificate_hours: expected 0.01 to 2160")
    if not 3 <= settings.token_seconds <= 7 * 24 * 3600:
        raise ConfigError("broker.token_seconds: expected 3 to 604800")
    return settings
