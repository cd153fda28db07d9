"""An agent's credential: made here, kept in a file of its own, shown to nobody but its server.

It is written before it is first shown, so that an enrolment whose answer was lost can be tried again with the
same one; only once the server has taken it does it get its final name.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

FILE: Final = "credential"
UNPROVEN: Final = "credential.new"


def enrolled(state: Path) -> str:
    """Return the credential that the server has taken; empty when there is none. Raises `OSError`."""
    return _read(state / FILE)


def propose(state: Path) -> str:
    """Return the credential to enrol with: the one that was tried before, or a new one. Raises `OSError`."""
    if known := _read(state / UNPROVEN):
        return known
    state.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32)
    descriptor = os.open(state / UNPROVEN, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made


def keep(state: Path) -> None:
    """The server has taken the proposed credential. Raises `OSError`."""
    (state / UNPROVEN).replace(state / FILE)


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
