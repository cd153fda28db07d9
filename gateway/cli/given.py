"""What a person gives a command besides its options: a password, a file of certificates."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from gateway.errors import ConfigError


def password(prompt: str) -> str:
    """Ask for it, or take stdin's first line when there is no terminal."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def certificates(path: Path | None) -> str:
    """Return the text of `--ca`'s file, empty for None. Raises `ConfigError`."""
    try:
        return "" if path is None else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"ca: {path}: {error}") from error
