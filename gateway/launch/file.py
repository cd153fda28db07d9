"""The launch file: an `.ica`-style INI that names a gateway, holds a one-time ticket and is used once.

Of its many keys a launcher needs the application's `Address` (the ticket), `SSLProxyHost` and `SSLEnable`,
and obeys `RemoveICAFile`; all others are for the programs that show pictures.
"""

from __future__ import annotations

import configparser
import contextlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import Invalid
from gateway.protocol import ticket as tickets
from gateway.protocol.errors import ProtocolError
from gateway.protocol.ticket import Ticket

MAX_BYTES: Final = 64 * 1024
DEFAULT_PORT: Final = 443
TRUE: Final = ("yes", "on", "true", "1")


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """What is launched: `ticket` opens one session at the gateway `host:port`."""

    application: str
    ticket: Ticket
    host: str
    port: int
    is_used_once: bool


def read_launch_file(path: Path) -> LaunchFile:
    """Read the file and remove it if it asks for that; `Invalid` starts with the path."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Invalid([f"{path}: {error.strerror}"]) from error
    try:
        launch = parse_launch_file(data)
    except Invalid as error:
        raise Invalid([f"{path}: {reason}" for reason in error.reasons]) from error
    if launch.is_used_once:
        _remove(path)
    return launch


def _remove(path: Path) -> None:
    """Remove a regular file: a pipe or a link such as `/dev/stdin` is not ours to remove.

    What cannot be removed stays; the ticket in it is worth nothing once it is spent.
    """
    with contextlib.suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


def parse_launch_file(data: bytes) -> LaunchFile:
    """Return what the INI text says; `Invalid` names the key at fault."""
    ini = _parse_ini(data)
    sections = {name.lower(): name for name in ini.sections()}
    listed = ini[sections["applicationservers"]] if "applicationservers" in sections else {}
    application = sections.get(next(iter(listed), ""))
    if application is None:
        raise Invalid(["[ApplicationServers] names no application that has a section"])
    keys = ini[application]
    if (keys.get("SSLEnable") or "").lower() not in TRUE:
        raise Invalid([f"[{application}] SSLEnable is not On: a gateway is reached over TLS only"])
    host, port = _parse_gateway(keys.get("SSLProxyHost") or "")
    try:
        ticket = tickets.parse(keys.get("Address") or "")
    except ProtocolError as error:
        raise Invalid([f"[{application}] Address: {error}"]) from error
    settings = ini[sections["wfclient"]] if "wfclient" in sections else {}
    once = (settings.get("RemoveICAFile") or "").lower() in TRUE
    return LaunchFile(application, ticket, host, port, once)


def _parse_ini(data: bytes) -> configparser.ConfigParser:
    if len(data) > MAX_BYTES:
        raise Invalid([f"more than {MAX_BYTES} bytes"])
    ini = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#", ";"), allow_no_value=True
    )
    try:
        ini.read_string(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, configparser.Error) as error:
        raise Invalid([f"not an INI file: {str(error).splitlines()[0]}"]) from error
    except AttributeError as error:  # configparser's own, for a continued line behind a key without a value
        raise Invalid(["not an INI file: an indented line behind a key without a value"]) from error
    return ini


def _parse_gateway(text: str) -> tuple[str, int]:
    host, colon, port = text.strip().rpartition(":")
    if not colon:
        host, port = text.strip(), str(DEFAULT_PORT)
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise Invalid([f"SSLProxyHost: expected host:port, not {text!r}"])
    return host.strip("[]"), int(port)
