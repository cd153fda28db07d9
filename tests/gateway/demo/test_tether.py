"""A tied process ends with its parent, and at once when that is gone already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

TIE = "import sys; from gateway.demo.tether import tie; tie(int(sys.argv[1])); print('tied')"


def test_the_parent_is_looked_at() -> None:
    """With its real parent it goes on; with a pid that is not its parent's it is killed."""
    good = subprocess.run([sys.executable, "-c", TIE, str(os.getpid())], capture_output=True, check=False)
    assert (good.returncode, good.stdout) == (0, b"tied\n")
    gone = subprocess.run([sys.executable, "-c", TIE, str(os.getppid())], capture_output=True, check=False)
    assert (gone.returncode, gone.stdout) == (-signal.SIGKILL, b"")
