"""A shell in a network namespace: lines in, output out, programs in the background with logs of their own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.gateway.namespaces import Namespace
from tests.programs import need, tail, wait_until


class Shell:
    """A shell in a folder and a namespace; nothing that it started outlives it."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace, self.folder = namespace, folder
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._popen = subprocess.Popen(
            [*namespace.within, need("unshare", "util-linux"), "--pid", "--fork", "--kill-child", "bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=os.environ | {"PATH": path, "HOME": str(folder)},
        )

    def run(self, words: str) -> str:
        """Run a line to its end, or start it if it ends with `&`; return what it printed."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        background = words.removesuffix("&").strip()
        if background != words:
            name = background.removeprefix("itm-gateway ").split()[0]
            words = f"{background} >>{name}.log 2>&1 &"
        self._popen.stdin.write(f"{words}\necho $?=status\n")
        self._popen.stdin.flush()
        printed = ""
        watchdog = threading.Timer(60, self._popen.kill)
        watchdog.start()
        while not re.search(r"^\d+=status$", printed, re.M):
            line = self._popen.stdout.readline()
            assert line, f"the shell ended in {words}:\n{printed}"
            printed += line
        watchdog.cancel()
        output, status = re.split(r"^(?=\d+=status$)", printed, flags=re.M)
        assert status.startswith("0="), f"{words}: {output}"
        return output

    def close(self) -> None:
        """End the shell, and with its process namespace all that runs in it."""
        self._popen.kill()
        self._popen.wait()

    def wait_for(self, log: str, event: str, times: int = 1) -> None:
        """Wait until a program in the background has logged an event that often."""
        path = self.folder / log
        wait_until(
            lambda: path.exists() and path.read_text().count(event) >= times, 30, f"{event}: {tail(path)}"
        )


@contextlib.contextmanager
def shell_in(namespace: Namespace, folder: Path) -> Iterator[Shell]:
    """Run a shell there."""
    shell = Shell(namespace, folder)
    try:
        yield shell
    finally:
        shell.close()
