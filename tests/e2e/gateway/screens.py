"""X displays that exist in memory only, and what a user does at one: look at the picture, and type.

Knows Xvfb and how any X server tells its display number. Does not know what is shown there.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.gateway.picture import number_in
from tests.programs import need, tail, wait_until

WIDTH: Final = 640
HEIGHT: Final = 480
SHELL_AT: Final = (300, 300)
"""A point of the shell's window."""


@dataclass(frozen=True)
class Screen:
    """An X display: what it shows, and a hand at its keyboard and mouse."""

    name: str

    def number(self) -> int | None:
        """Return the number that the picture shows now; None when it shows no picture."""
        return number_in(self._shot("rgb:-"), WIDTH)

    def wait_for_number(self, least: int = 1, seconds: float = 20) -> int:
        """Wait until the picture shows at least this number; return what it shows."""
        seen = [-1]

        def is_there() -> bool:
            seen[0] = number if (number := self.number()) is not None else seen[0]
            return seen[0] >= least

        wait_until(is_there, seconds, f"the picture shows {least}: it showed {seen[0]}")
        return seen[0]

    def keep(self, path: Path) -> None:
        """Write what it shows, to be looked at."""
        path.write_bytes(self._shot("png:-"))

    def typing(self, text: str, delay_ms: int = 12) -> subprocess.Popen[bytes]:
        """Start to type the text and Enter into the shell."""
        x, y = map(str, SHELL_AT)
        words = ["mousemove", x, y, "click", "1"]
        words += ["type", "--delay", str(delay_ms), "--args", "1", text, "key", "Return"]
        return subprocess.Popen([need("xdotool", "xdotool"), *words], env=self._environment())

    def _shot(self, form: str) -> bytes:
        words = ["-silent", "-window", "root", "-depth", "8", form]
        tool = need("import", "imagemagick")
        return subprocess.run(
            [tool, *words], env=self._environment(), capture_output=True, check=True, timeout=20
        ).stdout

    def _environment(self) -> dict[str, str]:
        return os.environ | {"DISPLAY": self.name}


@contextlib.contextmanager
def display(words: list[str], log: Path) -> Iterator[Screen]:
    """Run an X server on the first free display number, which it tells by itself."""
    read, write = os.pipe()
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [*words, "-displayfd", str(write)], stdout=output, stderr=output, pass_fds=[write]
        )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        assert number, tail(log)
        yield Screen(f":{number}")
    finally:
        popen.terminate()
        popen.wait()


@contextlib.contextmanager
def client_screen(folder: Path) -> Iterator[Screen]:
    """Run the display of a user who has nothing but a client."""
    words = [need("Xvfb", "xvfb"), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"]
    with display(words, folder / "xvfb.log") as screen:
        yield screen
